import { WaybillError } from "@waybill/core";

/**
 * `node:sqlite`, loaded without its ExperimentalWarning. Node 22 prints it on first load; Node 24 and later do not.
 * Only that one warning is held back, and only while the module loads. Throws `CONFIG_INVALID` on a Node that has none.
 */
export function loadNodeSqlite(): typeof import("node:sqlite") {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (String(warning).startsWith("SQLite is an experimental feature")) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    const found: typeof import("node:sqlite") | undefined = process.getBuiltinModule("node:sqlite");
    if (found !== undefined) return found;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw new WaybillError(
    "CONFIG_INVALID",
    `sqlite: this is Node ${process.version}, which has no SQLite; run it with Node 22.13 or newer`,
  );
}
