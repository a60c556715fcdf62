import { setTimeout as sleep } from "node:timers/promises";
import type { Jobs } from "@waybill/core";
import { nap } from "../../jobs.ts";

/** Enqueues until stopped, and never gets further ahead of the application than `most` jobs. Returns the ids of those that were stored. */
export function load(jobs: Jobs, ended: () => readonly unknown[], most = 500): () => Promise<string[]> {
  const ids: string[] = [];
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      if (ids.length < ended().length + most) {
        const receipts = await Promise.all(Array.from({ length: 10 }, () => jobs.enqueue(nap, {})));
        ids.push(...receipts.map(({ id }) => id));
      }
      // About what the application can do.
      await sleep(45);
    }
  })();
  return async () => {
    stop.abort();
    await running;
    return ids;
  };
}
