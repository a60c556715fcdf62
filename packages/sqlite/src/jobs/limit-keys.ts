import type { DatabaseSync } from "node:sqlite";
import { textOf } from "@waybill/core/backend";
import { prepareOn } from "../sql/statement.ts";
import type { Seq } from "./position.ts";

/** One key of one limit. */
export type LimitKey = readonly [name: string, key: string];

/** The name under which jobs of a paused type wait, with the type as the key. No limit has it. */
export const PAUSED = "";

/**
 * The concurrency keys of jobs, within a transaction that the caller began. A slot is a lease: a key has as many as leases name
 * it. A job whose key is full waits in the line of that key and queue. The end of a lease of the key, however it ends, makes
 * the next job of each queue ready.
 */
export interface LimitKeys {
  /** How many leases have the key. */
  leases(key: LimitKey): number;
  /** The job was leased: it takes a slot of each of its keys. */
  leased(seq: Seq, token: number, keys: readonly LimitKey[]): void;
  /** The lease of the job has ended: its slots are free. */
  ended(seq: Seq, keys: readonly LimitKey[]): void;
  /**
   * The job is no longer ready. Where it was made ready for a slot, the next job is, but not for `full`, the key that it now
   * waits for. Returns whether one is.
   */
  left(seq: Seq, keys: readonly LimitKey[], full?: LimitKey): boolean;
  /** Moves a ready job to the line of this key, as in the row of `waybill_ready`. Returns false when there is no such row. */
  setAside(key: LimitKey, queue: string, rank: number, seq: Seq): boolean;
  /** Makes jobs ready where the key has fewer leases than `most`, in every queue where jobs wait for it. */
  fill(key: LimitKey, most: number): void;
  /** Makes the next `count` jobs of one line ready. Returns how many there were. */
  wake(key: LimitKey, queue: string, count: number): number;
}

export function createLimitKeys(db: DatabaseSync): LimitKeys {
  const prepare = prepareOn(db);
  const count = prepare(`SELECT count(*) AS count FROM waybill_slots AS slot
     CROSS JOIN waybill_leases AS lease ON lease.seq = slot.seq AND lease.token = slot.token
     WHERE slot.name = ? AND slot.key = ?`);
  const countWoken = prepare(`SELECT count(*) AS count FROM waybill_slots AS slot
     CROSS JOIN waybill_jobs AS job ON job.seq = slot.seq
     CROSS JOIN waybill_ready AS ready ON ready.queue = job.queue AND ready.rank = -job.priority AND ready.seq = job.seq
     WHERE slot.name = ? AND slot.key = ? AND slot.token IS NULL AND job.queue = ?`);
  const take = prepare("INSERT OR REPLACE INTO waybill_slots (name, key, seq, token) VALUES (?, ?, ?, ?)");
  const free = prepare("DELETE FROM waybill_slots WHERE name = ? AND key = ? AND seq = ?");
  const nextQueue = prepare(`SELECT CAST(line.queue AS TEXT) AS queue FROM waybill_waiting AS line
     WHERE name = ? AND key = ? AND line.queue > ? ORDER BY line.queue LIMIT 1`);
  const firstOf = prepare(`SELECT CAST(line.seq AS TEXT) AS seq FROM waybill_waiting AS line
     WHERE name = ? AND key = ? AND queue = ? ORDER BY line.rank, line.seq LIMIT 1`);
  const leaveLine = prepare("DELETE FROM waybill_waiting WHERE seq = ?");
  const makeReady = prepare(`INSERT OR IGNORE INTO waybill_ready (queue, rank, seq)
     SELECT queue, -priority, seq FROM waybill_jobs WHERE seq = ?`);
  const enterLine = prepare(
    "INSERT OR REPLACE INTO waybill_waiting (name, key, queue, rank, seq) VALUES (?, ?, ?, ?, ?)",
  );
  const leaveReady = prepare("DELETE FROM waybill_ready WHERE queue = ? AND rank = ? AND seq = ?");

  /** Goes on to the next job where another program has deleted one. */
  function wakeOne([name, key]: LimitKey, queue: string): boolean {
    for (;;) {
      const seq = textOf(firstOf.get(name, key, queue)?.["seq"]);
      if (seq === null) return false;
      leaveLine.run(seq);
      if (Number(makeReady.run(seq).changes) === 0) continue;
      if (name !== PAUSED) take.run(name, key, seq, null);
      return true;
    }
  }

  function* queuesOf([name, key]: LimitKey): Generator<string> {
    for (let queue: string | null = ""; ;) {
      queue = textOf(nextQueue.get(name, key, queue)?.["queue"]);
      if (queue === null) return;
      yield queue;
    }
  }

  function wakeNext(key: LimitKey): boolean {
    let isWoken = false;
    for (const queue of queuesOf(key)) isWoken = wakeOne(key, queue) || isWoken;
    return isWoken;
  }

  function wake(key: LimitKey, queue: string, most: number): number {
    let woken = 0;
    while (woken < most && wakeOne(key, queue)) woken += 1;
    return woken;
  }

  const leases = ([name, key]: LimitKey): number => Number(count.get(name, key)?.["count"]);

  return {
    leases,
    leased(seq, token, keys) {
      for (const [name, key] of keys) take.run(name, key, seq, token);
    },
    ended(seq, keys) {
      for (const key of keys) {
        free.run(...key, seq);
        wakeNext(key);
      }
    },
    left(seq, keys, full) {
      const wasWoken = keys.filter((key) => Number(free.run(...key, seq).changes) > 0);
      const others = wasWoken.filter(([name]) => name !== full?.[0]);
      return others.filter((key) => wakeNext(key)).length > 0;
    },
    setAside([name, key], queue, rank, seq) {
      if (Number(leaveReady.run(queue, rank, seq).changes) === 0) return false;
      enterLine.run(name, key, queue, rank, seq);
      return true;
    },
    fill(key, most) {
      const [name, value] = key;
      const slots = most - leases(key);
      if (slots <= 0) return;
      for (const queue of queuesOf(key)) {
        wake(key, queue, slots - Number(countWoken.get(name, value, queue)?.["count"]));
      }
    },
    wake,
  };
}

/** Reads `limit_keys` of a job. Null and what another program wrote there are no keys. Never throws. */
export function limitKeysOf(column: unknown): LimitKey[] {
  const text = textOf(column);
  if (text === null) return [];
  try {
    const keys: unknown = JSON.parse(text);
    if (typeof keys !== "object" || keys === null) return [];
    return Object.entries(keys).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  } catch {
    return [];
  }
}
