import type { DatabaseSync } from "node:sqlite";
import type { Lease } from "@waybill/core/backend";
import type { Settings } from "./options.ts";
import { prepare } from "./prepare.ts";
import { forgetFinished, rememberFinished } from "./sql/settle.ts";

/** The memory of finished jobs: one row per settled batch and queue, bounded by age and by count. */
export interface Retention {
  /** Within a transaction that the caller began. Forgets a few old rows as well. */
  remember(done: readonly Lease[]): void;
  /** Whether the oldest row, finished at this time, is too old. */
  isOver(oldestFinishedAt: number | null): boolean;
  forget(): void;
}

/** Rows forgotten at once beyond those just written. */
const SLICE = 20;

export function createRetention(db: DatabaseSync, now: () => number, settings: Settings): Retention {
  const remember = prepare(db, rememberFinished);
  const forget = prepare(db, forgetFinished);
  const keepsNone = settings.maxAgeMs === 0 || settings.maxCount === 0;
  /** `upto` counts finished jobs, so the last one says which are beyond `maxCount`. */
  let newest = 0;

  /** As many rows as were just written, and some more. */
  function forgetOld(written: number): void {
    const beyond = keepsNone ? Number.MAX_SAFE_INTEGER : Math.max(newest - settings.maxCount, 0);
    forget.run(written + SLICE, beyond, now() - Math.min(settings.maxAgeMs, now()));
  }

  return {
    isOver: (oldestFinishedAt) =>
      oldestFinishedAt !== null && (keepsNone || oldestFinishedAt < now() - settings.maxAgeMs),
    forget: () => forgetOld(0),
    remember(done) {
      if (keepsNone || done.length === 0) return;
      const queues = byQueue(done);
      for (const [queue, jobs] of queues) {
        const { length } = jobs;
        newest = Number(remember.get(length, now(), queue, length, JSON.stringify(jobs))?.["upto"]);
      }
      forgetOld(queues.size);
    },
  };
}

function byQueue(done: readonly Lease[]): Map<string, [string, string, number][]> {
  const queues = new Map<string, [string, string, number][]>();
  for (const { queue, id, type, attempt } of done) {
    const jobs = queues.get(queue);
    if (jobs === undefined) queues.set(queue, [[id, type, attempt]]);
    else jobs.push([id, type, attempt]);
  }
  return queues;
}
