import { closeSync, fchmodSync, openSync, statSync } from "node:fs";
import type { Finding } from "@waybill/core";

/**
 * Makes a missing file readable and writable by its owner alone, whatever the umask: it will hold payloads. SQLite gives
 * `-wal` and `-shm` the mode of the file (sqlite.org/src, findCreateFileMode). A file that is there keeps its mode, which
 * a person chose. What keeps the file from being made is SQLite's to report.
 */
export function makePrivate(file: string): void {
  let made: number;
  try {
    made = openSync(file, "wx", 0o600);
  } catch {
    // It is there, or the folder takes no file.
    return;
  }
  fchmodSync(made, 0o600);
  closeSync(made);
}

/** Warns where users other than the owner and the group may write the file, and notes where they may read it. */
export function modeFinding(file: string): Finding {
  const mode = statSync(file).mode & 0o777;
  const written = (mode & 0o002) !== 0;
  const read = (mode & 0o004) !== 0;
  const what = written
    ? "every user of this machine may change or delete jobs"
    : "every user of this machine may read payloads";
  return {
    check: "sqlite.mode",
    severity: written ? "warning" : read ? "note" : "ok",
    message: `the file's mode is ${mode.toString(8).padStart(4, "0")}: ${written || read ? what : "only its owner and group have access"}`,
    wayOut: written || read ? `chmod o-rwx "${file}" "${file}-wal" "${file}-shm"` : null,
  };
}
