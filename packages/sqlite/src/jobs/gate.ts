import type { DatabaseSync } from "node:sqlite";
import { type LeaseRequest, textOf } from "@waybill/core/backend";
import { clamped } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import { type LimitKey, type LimitKeys, limitKeysOf, PAUSED } from "./limit-keys.ts";
import type { LimitSweep } from "./limit-sweep.ts";

/** What a `lease` call says about the jobs that it may have. */
export type Limits = Pick<LeaseRequest, "queue" | "limit" | "concurrency" | "queueConcurrency" | "excludeTypes">;

/**
 * Decides which ready jobs a `lease` call may have. A job whose key is full, or whose type is paused, leaves `waybill_ready` once
 * and waits in a line, so no call looks at it again until it is woken.
 */
export interface Gate {
  /** Whether the call may get a job. Reads only. */
  mayLease(limits: Limits): boolean;
  /** Within a transaction: sets jobs aside until the first jobs of the queue may be leased. Returns how many of them. */
  open(limits: Limits): number;
  /** Whether the last `open` stopped before it had looked at every ready job, to keep its transaction short. */
  readonly isCut: boolean;
}

interface FrontRow {
  readonly rank: number;
  readonly seq: string;
  readonly type: unknown;
  readonly limit_keys: unknown;
}

/** Jobs set aside by one call, and jobs read at a time. */
const SLICE = 500;

export function createGate(db: DatabaseSync, limitKeys: LimitKeys, sweep: LimitSweep): Gate {
  const prepare = prepareOn(db);
  const anyReady = prepare("SELECT 1 FROM waybill_ready WHERE queue = ? LIMIT 1");
  const leasesOf = prepare(`SELECT count(*) AS count FROM waybill_leases AS lease
     CROSS JOIN waybill_jobs AS job ON job.seq = lease.seq WHERE job.queue = ?`);
  const anyPaused = prepare(`SELECT 1 FROM waybill_waiting WHERE name = '${PAUSED}' LIMIT 1`);
  // Jumps from type to type, so that it reads one row of each, however many wait.
  const pausedTypes = prepare(`WITH RECURSIVE paused (type) AS (
       SELECT min(key) FROM waybill_waiting WHERE name = '${PAUSED}'
       UNION ALL
       SELECT (SELECT min(key) FROM waybill_waiting WHERE name = '${PAUSED}' AND key > paused.type)
       FROM paused WHERE paused.type IS NOT NULL
     )
     SELECT CAST(type AS TEXT) AS type FROM paused
     WHERE EXISTS (SELECT 1 FROM waybill_waiting WHERE name = '${PAUSED}' AND key = paused.type AND queue = ?)`);
  const front = prepare(`SELECT ${clamped("ready.rank")} AS rank, CAST(ready.seq AS TEXT) AS seq,
            CAST(job.type AS TEXT) AS type, CAST(job.limit_keys AS TEXT) AS limit_keys
     FROM waybill_ready AS ready LEFT JOIN waybill_jobs AS job ON job.seq = ready.seq
     WHERE ready.queue = ? ORDER BY ready.rank, ready.seq LIMIT ?`);
  let isCut = false;

  const freeSlots = ({ queue, queueConcurrency }: Limits): number =>
    queueConcurrency === undefined ? Infinity : queueConcurrency - Number(leasesOf.get(queue)?.["count"]);

  /** The types that wait as paused, and are not paused for this call. */
  function resumedTypes({ queue, excludeTypes = [] }: Limits): string[] {
    if (anyPaused.get() === undefined) return [];
    const types = pausedTypes.all(queue).map((row) => textOf(row["type"]) ?? "");
    return types.filter((type) => !excludeTypes.includes(type));
  }

  /** Returns a function that says which key, or paused type, keeps a job from being leased; null for none. */
  function createJudge({ concurrency = {}, excludeTypes = [] }: Limits): (row: FrontRow) => LimitKey | null {
    /** How many leases each key has, with those that this call will make. */
    const counts = new Map<string, number>();
    const idOf = ([limit, key]: LimitKey): string => `${limit.length}:${limit}${key}`;
    const countOf = (key: LimitKey): number => counts.get(idOf(key)) ?? limitKeys.leases(key);
    return ({ type, limit_keys }) => {
      const name = textOf(type);
      if (name !== null && excludeTypes.includes(name)) return [PAUSED, name];
      const keys = limitKeysOf(limit_keys).filter(([limit]) => Object.hasOwn(concurrency, limit));
      for (const key of keys) {
        const count = countOf(key);
        counts.set(idOf(key), count);
        if (count >= (concurrency[key[0]] ?? Infinity)) return key;
      }
      for (const key of keys) counts.set(idOf(key), countOf(key) + 1);
      return null;
    };
  }

  /** Sets aside what may not be leased before the first `most` jobs that may. Returns how many those are. */
  function clear(limits: Limits, most: number): number {
    let aside = 0;
    for (let looked = most; ; looked = Math.min(2 * looked, SLICE)) {
      const judge = createJudge(limits);
      const before = aside;
      let free = 0;
      let isWoken = false;
      for (const row of front.all(limits.queue, Math.max(looked, most)) as unknown as FrontRow[]) {
        const full = judge(row);
        if (full === null || !limitKeys.setAside(full, limits.queue, row.rank, row.seq)) free += 1;
        else {
          aside += 1;
          isWoken = limitKeys.left(row.seq, limitKeysOf(row.limit_keys), full) || isWoken;
        }
        isCut = aside === SLICE;
        if (free === most || isCut) break;
      }
      // A woken job may be before those that were found.
      if (isCut) return isWoken ? 0 : free;
      if (aside === before || (free === most && !isWoken)) return free;
    }
  }

  return {
    mayLease: (limits) =>
      freeSlots(limits) > 0 &&
      (anyReady.get(limits.queue) !== undefined ||
        resumedTypes(limits).length > 0 ||
        sweep.isRaised(limits.concurrency)),
    open(limits) {
      const { queue, limit, concurrency, excludeTypes = [] } = limits;
      isCut = false;
      sweep.note(concurrency);
      for (const type of resumedTypes(limits)) limitKeys.wake([PAUSED, type], queue, limit);
      const most = Math.min(limit, freeSlots(limits));
      if (most <= 0) return 0;
      return concurrency === undefined && excludeTypes.length === 0 ? most : clear(limits, most);
    },
    get isCut() {
      return isCut;
    },
  };
}
