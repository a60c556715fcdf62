import type { DatabaseSync } from "node:sqlite";
import type { Lease } from "@waybill/core/backend";
import type { Settings } from "../options/options.ts";
import { prepareOn } from "../sql/statement.ts";

/** Remembers finished jobs, one row per settled batch and queue, limited by age and count. */
export interface Retention {
  /** Within a transaction that the caller began. Removes a few old rows as well. */
  remember(done: readonly Lease[]): void;
  /** Whether the oldest row, finished at this time, is too old. */
  isOver(oldestFinishedAt: number | null): boolean;
  removeOld(): void;
}

/** How many old rows are removed at once, beyond as many as were just written. */
const SLICE = 20;

export function createRetention(db: DatabaseSync, now: () => number, settings: Settings): Retention {
  const prepare = prepareOn(db);
  // Counts on from another program's rows, unless they are at the end of the range.
  const remember = prepare(`INSERT OR REPLACE INTO waybill_finished (upto, finished_at, queue, count, jobs)
     SELECT coalesce(max(upto), 0) + ?, ?, ?, ?, ? FROM waybill_finished WHERE upto < 9007199254000000
     RETURNING upto AS upto`);
  // Reads only some of the oldest rows, so that removing never costs more than remembering.
  const remove = prepare(`DELETE FROM waybill_finished WHERE upto IN (
       SELECT upto FROM (SELECT upto, finished_at FROM waybill_finished ORDER BY upto LIMIT ?)
       WHERE upto <= ? OR finished_at < ?)`);
  const keepsNone = settings.maxAgeMs === 0 || settings.maxCount === 0;
  /** `upto` counts finished jobs, so the newest one shows which are beyond `maxCount`. */
  let newest = 0;

  function removeOld(written: number): void {
    const beyond = keepsNone ? Number.MAX_SAFE_INTEGER : Math.max(newest - settings.maxCount, 0);
    remove.run(written + SLICE, beyond, now() - Math.min(settings.maxAgeMs, now()));
  }

  return {
    isOver: (oldestFinishedAt) =>
      oldestFinishedAt !== null && (keepsNone || oldestFinishedAt < now() - settings.maxAgeMs),
    removeOld: () => removeOld(0),
    remember(done) {
      if (keepsNone || done.length === 0) return;
      const queues = jobsByQueue(done);
      for (const [queue, jobs] of queues) {
        newest = Number(remember.get(jobs.length, now(), queue, jobs.length, JSON.stringify(jobs))?.["upto"]);
      }
      removeOld(queues.size);
    },
  };
}

function jobsByQueue(done: readonly Lease[]): Map<string, [id: string, type: string, attempt: number][]> {
  const queues = new Map<string, [string, string, number][]>();
  for (const { queue, id, type, attempt } of done) {
    const jobs = queues.get(queue);
    if (jobs === undefined) queues.set(queue, [[id, type, attempt]]);
    else jobs.push([id, type, attempt]);
  }
  return queues;
}
