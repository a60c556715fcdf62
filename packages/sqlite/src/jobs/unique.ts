import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { DuplicateJobError, type Receipt, type Result } from "@waybill/core";
import { keyTaken, type Message, textOf, type UniqueKey } from "@waybill/core/backend";
import { isSetBack } from "../file/clock-skew.ts";
import { clamped } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import type { JobState } from "./job-state.ts";
import type { Seq } from "./position.ts";
import type { Sweep } from "./sweep.ts";

/** How the caller stores messages. */
export interface Storage {
  /** Stores a message, unless its id is taken. Null when the index refuses its unique key, and when a trigger does. */
  store(message: Message): Result<Receipt> | null;
  /** The result of a message whose id is taken; null when it is free. */
  compared(message: Message): Result<Receipt> | null;
  /** Gives the jobs that were stored their state. */
  flush(): void;
}

/**
 * The unique keys of jobs, within a transaction that the caller began. A key that is taken until the end or the start is in the
 * job's own row, so it cannot outlive the job. One that is taken for a time is in `waybill_unique` until then.
 */
export interface UniqueKeys {
  /**
   * Stores a message, unless its id is taken or another job has its key. With "replace" the other job is removed first, if it
   * waits and was never leased. Null when a trigger of another program refuses the message.
   */
  storeOnce(message: Message, unique: UniqueKey, at: number, storage: Storage): Result<Receipt> | null;
  /** Frees a key that is taken until the end or the start of the job. */
  free(seq: Seq): void;
  /**
   * Takes the key of a dead letter again, unless it was taken for a time. Returns the error when another job has it: then
   * nothing is changed.
   */
  retake(seq: Seq, at: number): DuplicateJobError | null;
}

/** The columns `unique_key`, `unique_until` and `unique_taken` of a job. */
export function uniqueColumns(unique: UniqueKey | undefined): SQLInputValue[] {
  if (unique === undefined) return [null, null, null];
  const { key, until } = unique;
  return [key, until, typeof until === "number" ? null : 1];
}

/** Keys removed at once whose time has passed. */
const SLICE = 100;
/** Where keys are taken for a time, those that have ended are removed this often, also where no worker runs. */
const REMOVE_MS = 100;
/** A key whose time has passed is free, so its row may stay this long before a transaction is made to remove it. */
const UNREMOVED_MS = 10_000;

const removeEnded = `DELETE FROM waybill_unique WHERE (type, key) IN (
    SELECT type, key FROM waybill_unique WHERE ends_at <= ? ORDER BY ends_at LIMIT ?)`;

export function createUniqueKeys(db: DatabaseSync, state: JobState): UniqueKeys {
  const prepare = prepareOn(db);
  const owner =
    prepare(`SELECT CAST(id AS TEXT) AS id FROM waybill_jobs WHERE type = ? AND unique_key = ? AND unique_taken = 1
     UNION ALL SELECT CAST(id AS TEXT) FROM waybill_unique WHERE type = ? AND key = ? AND ends_at > ? LIMIT 1`);
  const anyTimed = prepare("SELECT 1 FROM waybill_unique LIMIT 1");
  const neverLeased = prepare(`SELECT CAST(seq AS TEXT) AS seq FROM waybill_jobs
     WHERE id = ? AND failures = 0 AND lost = 0 AND releases = 0`);
  const take = prepare(
    `INSERT OR REPLACE INTO waybill_unique (type, key, id, taken_at, ends_at) VALUES (?, ?, ?, ?, ?)`,
  );
  const release = prepare("DELETE FROM waybill_unique WHERE type = ? AND key = ?");
  const remove = prepare(removeEnded);
  const free = prepare("UPDATE waybill_jobs SET unique_taken = NULL WHERE seq = ? AND unique_taken = 1");
  const untilEvent = prepare(`SELECT CAST(id AS TEXT) AS id, CAST(type AS TEXT) AS type, CAST(unique_key AS TEXT) AS key
     FROM waybill_jobs WHERE seq = ? AND unique_until IN ('end', 'start')`);
  const hold = prepare("UPDATE waybill_jobs SET unique_taken = 1 WHERE seq = ?");

  const ownerOf = (type: string, key: string, at: number): string | null =>
    textOf(owner.get(type, key, type, key, at)?.["id"]);

  let removedAt = 0;

  function keepFor(ms: number, type: string, key: string, id: string, at: number): void {
    if (Math.abs(at - removedAt) >= REMOVE_MS) {
      remove.run(at, SLICE);
      removedAt = at;
    }
    take.run(type, key, id, at, Math.ceil(at + ms));
  }

  function removeWaiting(id: string): boolean {
    const seq = textOf(neverLeased.get(id)?.["seq"]);
    if (seq === null || !state.withdraw(seq)) return false;
    state.remove(seq);
    return true;
  }

  function storeUnlessTaken(
    message: Message,
    { key, until, onConflict }: UniqueKey,
    at: number,
    { store, compared, flush }: Storage,
  ): Result<Receipt> | null {
    const { id, type } = message;
    const other = ownerOf(type, key, at);
    if (other !== null) {
      const twin = compared(message);
      if (twin !== null) return twin;
      // The job itself, which has ended before the time of its key.
      if (other === id) return { ok: true, value: { id, stored: false } };
      if (onConflict === "ignore") return { ok: true, value: { id, stored: false, duplicateOf: other } };
      flush();
      if (onConflict !== "replace" || !removeWaiting(other)) {
        return { ok: false, error: new DuplicateJobError(id, other) };
      }
      release.run(type, key);
    }
    const result = store(message);
    if (!result?.ok || !result.value.stored) return result;
    if (typeof until === "number") keepFor(until, type, key, id, at);
    return other === null ? result : { ok: true, value: { ...result.value, replaced: other } };
  }

  return {
    storeOnce(message, unique, at, storage) {
      // Where no key is taken for a time, the index alone finds a conflict.
      const stored = typeof unique.until !== "number" && anyTimed.get() === undefined ? storage.store(message) : null;
      return stored ?? storeUnlessTaken(message, unique, at, storage);
    },
    free: (seq) => void free.run(seq),
    retake(seq, at) {
      const row = untilEvent.get(seq);
      if (row === undefined) return null;
      const [id, type, key] = [String(row["id"]), String(row["type"]), String(row["key"])];
      const other = ownerOf(type, key, at);
      if (other !== null && other !== id) return keyTaken(id, other, "replayed");
      hold.run(seq);
      return null;
    },
  };
}

/** Removes keys whose time has passed, and repairs times after the clock was set back. */
export function createUniqueSweep(db: DatabaseSync, now: () => number): Sweep {
  const prepare = prepareOn(db);
  const horizon = prepare(`SELECT
       (SELECT ${clamped("min(ends_at)")} FROM waybill_unique) AS next_end,
       (SELECT ${clamped("max(taken_at)")} FROM waybill_unique) AS last_taken`);
  const remove = prepare(removeEnded);
  const restart = prepare(
    "UPDATE waybill_unique SET ends_at = ends_at - taken_at + ?, taken_at = ? WHERE taken_at > ?",
  );
  const read = () => horizon.get() as { readonly next_end: number | null; readonly last_taken: number | null };
  return {
    isDue() {
      const { next_end, last_taken } = read();
      return isSetBack(last_taken, now()) || (next_end !== null && next_end <= now() - UNREMOVED_MS);
    },
    run() {
      const at = now();
      const { next_end, last_taken } = read();
      if (isSetBack(last_taken, at)) restart.run(at, at, at);
      if (next_end !== null && next_end <= at) remove.run(at, SLICE);
    },
  };
}
