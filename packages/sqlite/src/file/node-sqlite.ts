import { configInvalid } from "@waybill/core/backend";

/**
 * Loads `node:sqlite` without its ExperimentalWarning, which Node 22 prints on first load. No other warning is suppressed.
 * Throws `CONFIG_INVALID` on a Node without that module.
 */
export function loadNodeSqlite(): typeof import("node:sqlite") {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (String(warning).startsWith("SQLite is an experimental feature")) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    const found: typeof import("node:sqlite") | undefined = process.getBuiltinModule?.("node:sqlite");
    if (found !== undefined) return found;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw configInvalid(`sqlite: this is Node ${process.version}, which has no SQLite; run it with Node 22.13 or newer`);
}
