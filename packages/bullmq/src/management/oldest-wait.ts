import { momentOf } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import { contentOf } from "../jobs/job-record.ts";
import type { QueueScripts } from "../scripts/scripts.ts";

/** A priority is worth this much of a score; the rest counts the jobs of that priority. */
const PRIORITY_UNIT = 2 ** 32;

/** Returns how long the longest-waiting ready job has waited, in milliseconds, by the head of each priority; null when none is ready. */
export async function oldestWaitMs(commands: Client, bullmq: QueueScripts): Promise<number | null> {
  const heads = await Promise.all([headOfWait(commands, bullmq), headsOfPriorities(commands, bullmq)]);
  const jobs = await Promise.all(
    heads.flat().map((id) => commands.hmget(bullmq.toKey(id), "data", "processedOn", "timestamp")),
  );
  const since = jobs.map(readySince).filter((at) => at !== null);
  return since.length === 0 ? null : Math.max(0, Date.now() - Math.min(...since));
}

async function headOfWait(commands: Client, bullmq: QueueScripts): Promise<string[]> {
  return commands.lrange(bullmq.toKey("wait"), -1, -1);
}

/** One job for each priority that has any: at most 201 steps, usually one or two. */
async function headsOfPriorities(commands: Client, bullmq: QueueScripts): Promise<string[]> {
  const heads: string[] = [];
  let from = 0;
  for (;;) {
    const [id, score] = await commands.zrangebyscore(
      bullmq.toKey("prioritized"),
      from,
      "+inf",
      "WITHSCORES",
      "LIMIT",
      0,
      1,
    );
    if (id === undefined) return heads;
    heads.push(id);
    from = (Math.floor(Number(score) / PRIORITY_UNIT) + 1) * PRIORITY_UNIT;
  }
}

/** Unix milliseconds at which the job arrived, was due, or was last leased: Redis does not store when a job was released. */
function readySince([data, processedOn, timestamp]: readonly (string | null)[]): number | null {
  return contentOf(data ?? "").dueAt ?? momentOf(processedOn) ?? momentOf(timestamp);
}
