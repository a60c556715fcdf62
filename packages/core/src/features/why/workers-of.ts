import type { LiveWorker } from "../../backend/live-worker.ts";
import { ANY_TYPE } from "../../job/forward-every.ts";

/** The live workers that lease from a queue. */
export const workersOf = (workers: readonly LiveWorker[], queue: string): LiveWorker[] =>
  workers.filter(({ queues }) => queues.includes(queue));

/** Returns the highest payload version of a type that a worker knows; null for none, and Infinity where it does not report its types. */
export function knownVersion({ types }: LiveWorker, type: string): number | null {
  if (types === undefined) return Infinity;
  return types[type] ?? types[ANY_TYPE] ?? null;
}

export const idsOf = (workers: readonly LiveWorker[]): string[] => workers.map(({ id }) => id);
