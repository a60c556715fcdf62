import { type JobState, type JobTrace, momentOf, MOST_AHEAD } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import type { QueueScripts } from "../scripts/scripts.ts";

/** BullMQ's score of a job is its priority times this, plus a counter. */
const PRIORITY_STEP = 0x1_0000_0000;

/** Returns where an id is in one queue; null where there is nothing of it. `state`: of the job, null for none. */
export async function traceIn(
  client: Client,
  bullmq: QueueScripts,
  id: string,
  state: JobState | null,
): Promise<JobTrace | null> {
  if (state === null) {
    const finished = await client.zscore(bullmq.toKey("completed"), id);
    return finished === null ? null : { place: "finished", endedAt: momentOf(finished) };
  }
  const key = bullmq.toKey("prioritized");
  const [rank, score] = await Promise.all([client.zrank(key, id), client.zscore(key, id)]);
  // A job that another program has put into `wait` is served before all others.
  if (state !== "ready" || rank === null || score === null) {
    return { place: "queue", ahead: null, higher: null, full: null };
  }
  const least = Math.floor(Number(score) / PRIORITY_STEP) * PRIORITY_STEP;
  const higher = await client.zcount(key, "-inf", `(${least}`);
  return { place: "queue", ahead: Math.min(rank, MOST_AHEAD), higher: Math.min(higher, MOST_AHEAD), full: null };
}
