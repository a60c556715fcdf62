import type { ForeignJob, JobSource } from "@waybill/core/import";
import { assertKnownOptions, configInvalid, type OptionNames } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import { readJob } from "./read-job.ts";
import { openLostCheck } from "./lost-jobs.ts";
import { openAside, type RawJob } from "./set-aside.ts";

/** Options of `bullmqJobs`. */
export interface BullmqJobsOptions {
  /** The name of the BullMQ queue. */
  readonly queue: string;
  /** An ioredis client or Cluster of your own. It is not closed. */
  readonly client: Client;
  /** The `prefix` of the queue. Default "bull", as in BullMQ. */
  readonly prefix?: string | undefined;
}

const OPTIONS: OptionNames<BullmqJobsOptions> = { queue: true, client: true, prefix: true };
const PAGE = 100;

/**
 * Reads a queue that was filled by BullMQ, for `importJobs`. Its workers and producers may go on meanwhile. A job whose worker has died is
 * returned to its queue as BullMQ's workers do it, at most 30 s after its lock has ended. Throws `CONFIG_INVALID` without a queue or a client.
 */
export function bullmqJobs(options: BullmqJobsOptions): JobSource {
  assertKnownOptions(options, OPTIONS, "the options of bullmqJobs");
  const { queue, client, prefix = "bull" } = options;
  if (typeof queue !== "string" || queue === "")
    throw configInvalid("bullmqJobs got no `queue`: name the BullMQ queue");
  if (typeof client?.defineCommand !== "function")
    throw configInvalid("bullmqJobs got no `client`: pass an ioredis client that is connected to BullMQ's Redis");
  const base = `${prefix}:${queue}:`;
  const aside = openAside(client, base);
  const returnLost = openLostCheck(client, prefix, queue);

  async function read(id: string, state: string, score: string): Promise<ForeignJob | null> {
    const fields = new Map(Object.entries(await client.hgetall(`${base}${id}`)));
    if (fields.size === 0) return null;
    return readJob(queue, { id, state, score, fields }, await whyItStays(id, fields));
  }

  async function whyItStays(id: string, fields: ReadonlyMap<string, string>): Promise<string | null> {
    const isOfFlow = fields.has("parentKey") || (await client.exists(`${base}${id}:dependencies`)) === 1;
    if (isOfFlow) return "it is part of a flow, which BullMQ's workers finish";
    const scheduler = fields.get("rjk");
    const next = scheduler === undefined ? null : await client.zscore(`${base}repeat`, scheduler);
    const isNext = next !== null && id === `repeat:${scheduler}:${next}`;
    return isNext
      ? `it is the next job of the scheduler "${scheduler}": move the schedule and remove the scheduler`
      : null;
  }

  const asRead = (raw: RawJob): ForeignJob => readJob(queue, raw, null);

  /** Ids and scores of one part of the queue, in the order in which they would run. */
  async function section(state: string, from: number): Promise<[id: string, score: string][]> {
    if (state === "wait" || state === "paused") {
      // BullMQ takes the last of the list.
      const ids = await client.lrange(`${base}${state}`, -from - PAGE, -from - 1);
      return ids.toReversed().map((id) => [id, ""]);
    }
    const found = await client.zrange(`${base}${state}`, `${from}`, `${from + PAGE - 1}`, "WITHSCORES");
    return found.flatMap((id, at) => (at % 2 === 0 ? [[id, found[at + 1] ?? ""]] : []));
  }

  return {
    name: `bullmq:${prefix}:${queue}`,
    async *pages({ failed }) {
      for (const state of ["delayed", "prioritized", "wait", "paused", ...(failed ? ["failed"] : [])]) {
        let from = 0;
        let shown: ReadonlySet<string> = new Set();
        for (;;) {
          const found = await section(state, from);
          const fresh = found.filter(([id]) => !shown.has(id));
          // What is set aside leaves the section, so the same part of it is read again until it has nothing new.
          if (fresh.length === 0) {
            if (found.length < PAGE) break;
            from += PAGE;
            shown = new Set();
            continue;
          }
          shown = new Set(found.map(([id]) => id));
          const page = await Promise.all(fresh.map(([id, score]) => read(id, state, score)));
          yield page.filter((job) => job !== null);
        }
      }
    },
    setAside: async (wanted) => (await aside.set(wanted.map(({ id }) => id))).map(asRead),
    listAside: async (limit) => (await aside.list(limit)).map(asRead),
    forget: (done) => aside.forget(done.map(({ id }) => id)),
    async unfinished() {
      await returnLost();
      const states = ["wait", "paused", "active"] as const;
      const multi = client.multi().zcard(`${base}delayed`).zcard(`${base}prioritized`);
      for (const state of states) multi.llen(`${base}${state}`);
      const replies = (await multi.exec()) ?? [];
      return replies.reduce((sum, [error, count]) => {
        if (error) throw error;
        return sum + Number(count);
      }, 0);
    },
  };
}
