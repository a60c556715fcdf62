import { describeError, isWaybillError, toError, WaybillError } from "@waybill/core";
import { isInstance, member, notStored } from "@waybill/core/backend";

/** SQLite's result code as `node:sqlite` reports it; null for another error. The low byte is the primary code. */
function codeOf(thrown: unknown): number | null {
  if (!isInstance(thrown, Error) || !("errcode" in thrown)) return null;
  return typeof thrown.errcode === "number" ? thrown.errcode : null;
}

const BUSY = 5;
const FULL = 13;
/** The -shm file cannot grow: the disk is full. */
const IOERR_SHMSIZE = 4874;
/** Another program changed the tables: a table or column is missing, or a value breaks a constraint. */
const TABLES_CHANGED: ReadonlySet<number> = new Set([1, 19, 20]);

/** Whether another process holds the write lock, or is recovering the file. Try again soon. */
export function isBusy(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code !== null && (code & 0xff) === BUSY;
}

/** How long to pause before the next try for the write lock: short at first, random, at most 20 ms. */
export function busyPauseMs(tries: number): number {
  return 1 + Math.random() * Math.min(2 ** tries, 19);
}

/** Whether the connection is closed or was never opened, or a statement was prepared before it was closed. */
export const isNotOpen = (thrown: unknown): boolean => member(thrown, "code") === "ERR_INVALID_STATE";

/** A trigger of another program kept a row out, and raised no error. Thrown after writes, so that they are rolled back. */
export class RowRefused extends Error {
  constructor(what: string, table: string) {
    super(`${what}: a trigger that another program put on ${table} refuses it; drop the trigger`);
  }
}

export function areTablesChanged(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code !== null && TABLES_CHANGED.has(code & 0xff);
}

const noAccess = (file: string): string =>
  `"${file}" cannot be written; let this user write the file and its folder (SQLite keeps -wal and -shm beside it)`;

/** Conditions that a second try does not end, by primary code. */
const LASTING: Readonly<Record<number, (file: string) => string>> = {
  3: noAccess,
  8: noAccess,
  14: noAccess,
  23: noAccess,
  11: (file) =>
    `"${file}" is damaged; stop what uses it, keep a copy, and save what is readable: sqlite3 "${file}" .recover | sqlite3 new.db`,
  26: (file) => `"${file}" is not a SQLite database; name another file, or move this one away and a new one is made`,
};

/**
 * Returns what a thrown error means for the file. A lasting condition is `CONFIG_INVALID` while the file is opened, and
 * `BACKEND_UNAVAILABLE` afterwards, because the file has worked and may work again. An error that is not SQLite's is returned
 * as it is.
 */
export function fileError(thrown: unknown, file: string, during: "open" | "use"): unknown {
  if (isInstance(thrown, RowRefused)) return new WaybillError("BACKEND_UNAVAILABLE", thrown.message);
  const code = codeOf(thrown);
  if (isWaybillError(thrown) || code === null) return thrown;
  const options = { cause: thrown };
  const lasting = during === "open" ? "CONFIG_INVALID" : "BACKEND_UNAVAILABLE";
  if ((code & 0xff) === FULL || code === IOERR_SHMSIZE) {
    const text = `no space is left for "${file}", and nothing of this write was stored; free some space, and writes succeed again`;
    return new WaybillError("BACKEND_FULL", text, options);
  }
  const found = LASTING[code & 0xff]?.(file);
  if (found !== undefined) return new WaybillError(lasting, found, options);
  if (areTablesChanged(thrown)) {
    const text = `the tables of "${file}" are not as waybill made them (${toError(thrown).message}); restore them, or name another file`;
    return new WaybillError(lasting, text, options);
  }
  return new WaybillError("BACKEND_UNAVAILABLE", `"${file}": ${describeError(thrown)}`, options);
}

/** Returns the error of a write that waited `forMs` for the write lock. */
export function lockedElsewhere(file: string, forMs: number, cause: unknown): WaybillError {
  const text = `another process has kept the write lock of "${file}" for ${forMs} ms; end its transaction ("fuser ${file}" names it)`;
  return notStored(new WaybillError("BACKEND_UNAVAILABLE", text, { cause }));
}

export function inboxError(thrown: unknown, file: string): WaybillError {
  const text = `table waybill_inbox of "${file}" is not as waybill made it (${toError(thrown).message}); restore its columns, or rename it and create it anew`;
  return new WaybillError("BACKEND_UNAVAILABLE", text, { cause: thrown });
}
