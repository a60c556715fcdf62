import { closeSync, fchmodSync, openSync, statSync } from "node:fs";
import type { Finding } from "@waybill/core";

/**
 * Creates a missing file that its owner alone may read and write, whatever the umask: it will hold payloads. SQLite gives
 * `-wal` and `-shm` the same mode (sqlite.org/src, findCreateFileMode). An existing file keeps its mode. Does nothing when
 * the file cannot be created: SQLite reports why.
 */
export function makePrivate(file: string): void {
  let created: number;
  try {
    created = openSync(file, "wx", 0o600);
  } catch {
    // The file exists, or its folder cannot be written.
    return;
  }
  fchmodSync(created, 0o600);
  closeSync(created);
}

/** Warns when every user of the machine may write the file, and notes when every user may read it. */
export function modeFinding(file: string): Finding {
  const mode = statSync(file).mode & 0o777;
  const writable = (mode & 0o002) !== 0;
  const readable = (mode & 0o004) !== 0;
  const access = writable
    ? "every user of this machine may change or delete jobs"
    : "every user of this machine may read payloads";
  return {
    check: "sqlite.mode",
    severity: writable ? "warning" : readable ? "note" : "ok",
    message: `the file's mode is ${mode.toString(8).padStart(4, "0")}: ${writable || readable ? access : "only its owner and group have access"}`,
    remedy: writable || readable ? `chmod o-rwx "${file}" "${file}-wal" "${file}-shm"` : null,
  };
}
