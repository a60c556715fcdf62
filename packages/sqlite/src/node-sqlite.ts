/**
 * `node:sqlite`, loaded without its ExperimentalWarning. Node 22 prints it on first load; Node 24 and later do not.
 * Only that one warning is held back, and only while the module loads.
 */
export function loadNodeSqlite(): typeof import("node:sqlite") {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (String(warning).startsWith("SQLite is an experimental feature")) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}
