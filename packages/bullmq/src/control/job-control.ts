import { type ControlResult, type JobControl, type JobQuery, matchJobs, type StoredJob } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import { describedJob } from "../jobs/job-record.ts";
import type { DescribedJob } from "../scripts/describe-jobs.ts";
import type { Keys } from "../scripts/keys.ts";
import type { Scripts } from "../scripts/scripts.ts";
import { type Cursor, cursorText, firstCursor, parseCursor } from "./cursor.ts";
import { traceIn } from "./job-trace.ts";
import { createSeen } from "./listed-jobs.ts";
import { nextStep, SECTIONS } from "./queue-sections.ts";

/** Ids that are changed in one step: Redis does nothing else meanwhile. */
const AT_ONCE = 250;

/** `call` rejects `BACKEND_CLOSED` once the backend is closed, and names the server in Redis's errors. */
export function createJobControl(
  commands: Client,
  scripts: Scripts,
  keys: Keys,
  call: <T>(work: () => Promise<T>) => Promise<T>,
): JobControl {
  const seen = createSeen();
  const queues = async ({ queue }: JobQuery): Promise<string[]> =>
    queue === undefined ? (await commands.smembers(keys.queues)).sort() : [queue];

  async function describe(queue: string, ids: readonly string[], type?: string): Promise<StoredJob[]> {
    if (ids.length === 0) return [];
    const found = await scripts.describeJobs(scripts.base(queue), ids, type);
    return found.map((job: DescribedJob) => describedJob(job, queue));
  }

  /** Each job behind the cursor, and the cursor behind it. */
  async function* walk(query: JobQuery, from: Cursor): AsyncGenerator<readonly [StoredJob, Cursor]> {
    const all = await queues(query);
    for (let cursor: Cursor | null = from; cursor !== null; cursor = nextSection(cursor, all)) {
      const { queue, section } = cursor;
      if (!all.includes(queue)) continue;
      for (;;) {
        const step = await nextStep(commands, scripts.of(queue), section, cursor.position);
        const last = step.at(-1);
        if (last === undefined) break;
        const positions = new Map(step.map(({ id, position }) => [id, position]));
        for (const job of await describe(queue, [...positions.keys()], query.type)) {
          yield [job, { ...cursor, position: positions.get(job.id) ?? null }];
        }
        cursor = { ...cursor, position: last.position };
      }
    }
  }

  /** Null at the end. The second round needs to know what the first had. */
  function nextSection(cursor: Cursor, all: readonly string[]): Cursor | null {
    const { queue, round, list, page } = cursor;
    const section = all.includes(queue) ? SECTIONS[SECTIONS.indexOf(cursor.section) + 1] : undefined;
    if (section !== undefined) return { ...cursor, section, position: null };
    const next = all.find((name) => name > queue);
    const begin = { ...cursor, section: SECTIONS[0], position: null };
    if (next !== undefined) return { ...begin, queue: next };
    return round === 0 && seen.isComplete(list, page) ? { ...begin, queue: "", round: 1 } : null;
  }

  async function byId(query: JobQuery, ids: readonly string[]): Promise<StoredJob[]> {
    const parts: Promise<StoredJob[]>[] = [];
    for (const queue of await queues(query)) {
      for (let at = 0; at < ids.length; at += AT_ONCE) parts.push(describe(queue, ids.slice(at, at + AT_ONCE)));
    }
    return (await Promise.all(parts)).flat();
  }

  /** An id is in one queue; the others say "absent" of it. */
  async function change(
    ids: readonly string[],
    act: (base: string, some: readonly string[]) => Promise<ControlResult[]>,
  ): Promise<ControlResult[]> {
    const results = ids.map((): ControlResult => "absent");
    for (const queue of await queues({})) {
      for (let at = 0; at < ids.length; at += AT_ONCE) {
        const found = await act(scripts.base(queue), ids.slice(at, at + AT_ONCE));
        for (const [index, result] of found.entries()) if (result !== "absent") results[at + index] = result;
      }
    }
    return results;
  }

  return {
    list: (query) =>
      call(async () => {
        const { limit = 100, after, ids } = query;
        const from = after === undefined ? firstCursor() : parseCursor(after);
        const matches = matchJobs(query);
        if (ids !== undefined) return { jobs: (await byId(query, ids)).filter(matches), next: null };
        const jobs = new Map<string, StoredJob>();
        let last: Cursor | null = null;
        for await (const [job, cursor] of walk(query, from)) {
          if (!matches(job) || jobs.has(job.id) || seen.has(from.list, from.page, job.id)) continue;
          if (last !== null && jobs.size === limit) {
            seen.add(from.list, from.page, [...jobs.keys()]);
            return { jobs: [...jobs.values()], next: cursorText({ ...last, page: from.page + 1 }) };
          }
          jobs.set(job.id, job);
          last = cursor;
        }
        return { jobs: [...jobs.values()], next: null };
      }),
    trace: (id) =>
      call(async () => {
        for (const queue of await queues({})) {
          const [job] = await describe(queue, [id]);
          const found = await traceIn(commands, scripts.of(queue), id, job?.state ?? null);
          if (found !== null) return found;
        }
        return null;
      }),
    cancel: (ids) => call(() => change(ids, scripts.changeJobs.cancel)),
    reschedule: (ids, delayMs) =>
      call(() => change(ids, (base, some) => scripts.changeJobs.reschedule(base, some, Math.ceil(delayMs)))),
  };
}
