import type { DeadLetter, DeadLetterQuery, Inspector, QueueCounts } from "@waybill/core";
import { isInstance } from "@waybill/core/backend";
import { oldestWaitMs } from "./oldest-wait.ts";
import type { Client } from "./connections.ts";
import type { Keys } from "./keys.ts";
import { contentOf } from "./label.ts";
import { bytesOf, letterOf } from "./rejected.ts";
import { jobRef, type ScriptBook } from "./scripts.ts";

/** A dead letter and what becomes of it. */
interface Grave {
  readonly letter: DeadLetter;
  /** Whether it was still there. */
  replay(): Promise<boolean>;
  drop(): Promise<boolean>;
}

/** Scores of the delayed are Unix milliseconds times this. */
const DELAY_UNIT = 4_096;

/** Rejected entries read at once when one of them is looked for by its id. */
const PAGE = 500;

/** `open` throws BACKEND_CLOSED once the backend is closed. */
export function createInspector(commands: Client, scripts: ScriptBook, keys: Keys, open: () => void): Inspector {
  const queues = async (): Promise<string[]> => (await commands.smembers(keys.queues)).sort();

  async function countsOf(queue: string): Promise<QueueCounts> {
    const bullmq = scripts.of(queue);
    const dueBy = Date.now() * DELAY_UNIT;
    const [wait, prioritized, all, due, leased, failed, finished, arrived, rejected, oldest] = await Promise.all([
      commands.llen(bullmq.toKey("wait")),
      commands.zcard(bullmq.toKey("prioritized")),
      commands.zcard(bullmq.toKey("delayed")),
      commands.zcount(bullmq.toKey("delayed"), "-inf", dueBy),
      commands.llen(bullmq.toKey("active")),
      commands.zcard(bullmq.toKey("failed")),
      commands.zcard(bullmq.toKey("completed")),
      commands.llen(keys.inbox(queue)),
      commands.llen(keys.rejected(queue)),
      oldestWaitMs(commands, scripts.of(queue)),
    ]);
    const ready = wait + prioritized + due + arrived;
    return { queue, ready, delayed: all - due, leased, dead: failed + rejected, finished, oldestWaitMs: oldest };
  }

  async function failedJob(queue: string, id: string): Promise<Grave | null> {
    const bullmq = scripts.of(queue);
    const [job, score] = await Promise.all([bullmq.getJobData(id), commands.zscore(bullmq.toKey("failed"), id)]);
    if (job === undefined || score === null) return null;
    const failure = /^(?<code>[A-Z_]+): (?<message>.*)$/s.exec(job.failedReason)?.groups;
    const reason = { code: failure?.["code"] ?? "FAILED", message: failure?.["message"] ?? job.failedReason };
    const body = contentOf(job.data).envelope;
    const letter = { id, type: job.name, queue, reason, attempt: job.attemptsMade, diedAt: Number(score), body };
    return {
      letter,
      async replay() {
        // First, because a crash in between then leaves a dead letter, and no job with the counts of another life.
        await commands.hdel(bullmq.toKey(id), "stc");
        const data = JSON.stringify({ ...contentOf(job.data), releases: undefined, dueAt: undefined });
        await commands.hset(bullmq.toKey(id), "data", contentOf(job.data).envelope === job.data ? job.data : data);
        const options = { resetAttemptsMade: true, resetAttemptsStarted: true };
        return bullmq.retryFinishedJob(jobRef(id), "failed", options).then(() => true, isGone);
      },
      async drop() {
        if ((await commands.zrem(bullmq.toKey("failed"), id)) === 0) return false;
        return (await bullmq.remove(id, false)) === 1;
      },
    };
  }

  function rejectedGrave(queue: string, entry: string): Grave {
    const list = keys.rejected(queue);
    const take = async (): Promise<boolean> => (await commands.lrem(list, 1, entry)) === 1;
    return {
      letter: letterOf(entry, queue),
      async replay() {
        await commands.lpush(keys.inbox(queue), bytesOf(entry));
        return take();
      },
      drop: take,
    };
  }

  /** The newest, which stand first. */
  async function rejectedIn(queue: string, limit: number): Promise<Grave[]> {
    const last = Number.isFinite(limit) ? limit - 1 : -1;
    return (await commands.lrange(keys.rejected(queue), 0, last)).map((entry) => rejectedGrave(queue, entry));
  }

  /** They have no index; a page at a time, for one answer with all of them might be more than there is memory for. */
  async function rejectedBy(queue: string, ids: ReadonlySet<string>): Promise<Grave[]> {
    const found: Grave[] = [];
    for (let from = 0; ; from += PAGE) {
      const page = await commands.lrange(keys.rejected(queue), from, from + PAGE - 1);
      found.push(...page.map((entry) => rejectedGrave(queue, entry)).filter(({ letter }) => ids.has(letter.id)));
      if (page.length < PAGE) return found;
    }
  }

  async function gravesIn(queue: string, { ids, limit = 100 }: DeadLetterQuery): Promise<Grave[]> {
    if (limit <= 0) return [];
    const last = Number.isFinite(limit) ? limit - 1 : -1;
    const dead = ids ?? (await commands.zrevrange(scripts.of(queue).toKey("failed"), 0, last));
    const failed = await Promise.all(dead.map((id) => failedJob(queue, id)));
    const refused = await (ids === undefined ? rejectedIn(queue, limit) : rejectedBy(queue, new Set(ids)));
    return [...failed.filter((grave) => grave !== null), ...refused];
  }

  async function graves(query: DeadLetterQuery): Promise<Grave[]> {
    open();
    const names = query.queue === undefined ? await queues() : [query.queue];
    const all = (await Promise.all(names.map((queue) => gravesIn(queue, query)))).flat();
    return all.sort((a, b) => b.letter.diedAt - a.letter.diedAt).slice(0, query.limit ?? 100);
  }

  async function change(query: DeadLetterQuery, act: (grave: Grave) => Promise<boolean>): Promise<number> {
    let changed = 0;
    // Oldest first, so that what is replayed runs in the order in which it died.
    for (const grave of (await graves(query)).toReversed()) if (await act(grave)) changed += 1;
    return changed;
  }

  return {
    async counts() {
      open();
      const all = await Promise.all((await queues()).map(countsOf));
      return all.filter(({ ready, delayed, leased, dead, finished }) => ready + delayed + leased + dead + finished > 0);
    },
    deadLetters: async (query = {}) => (await graves(query)).map(({ letter }) => letter),
    replay: (query = {}) => change(query, (grave) => grave.replay()),
    drop: (query = {}) => change(query, (grave) => grave.drop()),
  };
}

/** Somebody else replayed or dropped it meanwhile. */
function isGone(thrown: unknown): boolean {
  if (isInstance(thrown, Error) && "code" in thrown && (thrown.code === -1 || thrown.code === -3)) return false;
  throw thrown;
}
