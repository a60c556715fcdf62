import { describeError, isWaybillError, toError, WaybillError } from "@waybill/core";
import { isInstance, member, notStored } from "@waybill/core/backend";

/** SQLite's result code as `node:sqlite` reports it; the low byte is the primary code. */
function codeOf(thrown: unknown): number | null {
  if (!isInstance(thrown, Error) || !("errcode" in thrown)) return null;
  return typeof thrown.errcode === "number" ? thrown.errcode : null;
}

const BUSY = 5;
const CORRUPT = 11;
/** A table or column is missing, or a value breaks a constraint: another program changed the tables. */
const OF_THE_SHAPE: ReadonlySet<number> = new Set([1, 19, 20]);
const FULL = 13;
const NOTADB = 26;
/** Read-only, cannot open, no permission, authorisation denied. */
const NO_ACCESS: ReadonlySet<number> = new Set([3, 8, 14, 23]);
/** No room to grow the -shm file: the disk is full, said in other words. */
const IOERR_SHMSIZE = 4874;

/** Another process holds the write lock, or is just recovering the file: try again soon. */
export function isBusy(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code !== null && (code & 0xff) === BUSY;
}

/** The connection is closed or was never opened, or a statement was prepared before it was closed. */
export const isNotOpen = (thrown: unknown): boolean => member(thrown, "code") === "ERR_INVALID_STATE";

/**
 * What a thrown error means for the file. While it is being opened, a file that can never work is CONFIG_INVALID;
 * once it has worked, the same finding is BACKEND_UNAVAILABLE, because it may work again.
 */
export function fileError(thrown: unknown, file: string, during: "open" | "use"): unknown {
  const code = codeOf(thrown);
  if (isWaybillError(thrown) || code === null) return thrown;
  const options = { cause: thrown };
  const lasting = during === "open" ? "CONFIG_INVALID" : "BACKEND_UNAVAILABLE";
  const primary = code & 0xff;
  if (primary === FULL || code === IOERR_SHMSIZE) {
    const text = `no space is left for "${file}", and nothing of this write was stored; free some, and it goes on by itself`;
    return new WaybillError("BACKEND_FULL", text, options);
  }
  if (primary === NOTADB) {
    const text = `"${file}" is not a SQLite database; name another file, or move this one away and a new one is made`;
    return new WaybillError(lasting, text, options);
  }
  if (primary === CORRUPT) {
    const text = `"${file}" is damaged; stop what uses it, keep a copy, and save what is readable: sqlite3 "${file}" .recover | sqlite3 new.db`;
    return new WaybillError(lasting, text, options);
  }
  if (NO_ACCESS.has(primary)) {
    const text = `"${file}" cannot be written; let this user write the file and its folder (SQLite keeps -wal and -shm beside it)`;
    return new WaybillError(lasting, text, options);
  }
  if (OF_THE_SHAPE.has(primary)) {
    const text = `the tables of "${file}" are not as waybill made them (${toError(thrown).message}); restore them, or name another file`;
    return new WaybillError(lasting, text, options);
  }
  return new WaybillError("BACKEND_UNAVAILABLE", `"${file}": ${describeError(thrown)}`, options);
}

export function isOfTheShape(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code !== null && OF_THE_SHAPE.has(code & 0xff);
}

export function shapeError(thrown: unknown, file: string, table: string): WaybillError {
  const { message } = toError(thrown);
  const text = `table ${table} of "${file}" is not as waybill made it (${message}); restore its columns, or rename it and create it anew`;
  return new WaybillError("BACKEND_UNAVAILABLE", text, { cause: thrown });
}

export function heldElsewhere(file: string, forMs: number, cause: unknown): WaybillError {
  const text = `another process has held the write lock of "${file}" for ${forMs} ms; end its transaction ("fuser ${file}" names it)`;
  return notStored(new WaybillError("BACKEND_UNAVAILABLE", text, { cause }));
}

export const leaseLost = (id: string): WaybillError =>
  new WaybillError("LEASE_LOST", `the lease on job "${id}" is no longer ours: it ran out or was settled`);

export const idConflict = (id: string): WaybillError =>
  new WaybillError("ID_CONFLICT", `job "${id}" is already there with another body; give the new job an id of its own`);

export const refusedByTrigger = (id: string): WaybillError =>
  new WaybillError(
    "BACKEND_UNAVAILABLE",
    `job "${id}" was not stored, though no other has its id: a trigger that another program put on waybill_jobs refuses it; drop the trigger`,
  );
