import type { DeadLetter, DeadLetterQuery, Inspector, QueueCounts } from "@waybill/core";
import { countOf, isInstance, momentOf } from "@waybill/core/backend";
import { oldestWaitMs } from "./oldest-wait.ts";
import type { Client } from "./connections.ts";
import type { Keys } from "./keys.ts";
import { isOfOneKey, redisError } from "./errors.ts";
import { contentOf } from "./label.ts";
import { readEntry } from "./rejected.ts";
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

export interface InspectorSettings {
  readonly commands: Client;
  readonly scripts: ScriptBook;
  readonly keys: Keys;
  readonly address: string;
  /** Throws BACKEND_CLOSED once the backend is closed. */
  readonly ensureOpen: () => void;
}

/** Every record is read on its own: one that another program wrote is shown as damaged and hides none beside it. */
export function createInspector({ commands, scripts, keys, address, ensureOpen }: InspectorSettings): Inspector {
  const queues = async (): Promise<string[]> => (await commands.smembers(keys.queues)).sort();

  async function call<T>(work: () => Promise<T>): Promise<T> {
    ensureOpen();
    return work().catch((thrown: unknown) => {
      throw redisError(thrown, address);
    });
  }

  async function countsOf(queue: string): Promise<QueueCounts> {
    const unreadable: string[] = [];
    const part = async <T>(otherwise: T, read: Promise<T>): Promise<T> =>
      read.catch((thrown: unknown) => {
        if (!isOfOneKey(thrown)) throw thrown;
        unreadable.push(redisError(thrown, address).message);
        return otherwise;
      });
    const bullmq = scripts.of(queue);
    const dueBy = Date.now() * DELAY_UNIT;
    const [wait, prioritized, all, due, leased, failed, finished, arrived, rejected, oldest] = await Promise.all([
      part(0, commands.llen(bullmq.toKey("wait"))),
      part(0, commands.zcard(bullmq.toKey("prioritized"))),
      part(0, commands.zcard(bullmq.toKey("delayed"))),
      part(0, commands.zcount(bullmq.toKey("delayed"), "-inf", dueBy)),
      part(0, commands.llen(bullmq.toKey("active"))),
      part(0, commands.zcard(bullmq.toKey("failed"))),
      part(0, commands.zcard(bullmq.toKey("completed"))),
      part(0, commands.llen(keys.inbox(queue))),
      part(0, commands.llen(keys.rejected(queue))),
      part(null, oldestWaitMs(commands, scripts.of(queue))),
    ]);
    const ready = wait + prioritized + due + arrived;
    const counts = {
      queue,
      ready,
      delayed: all - due,
      leased,
      dead: failed + rejected,
      finished,
      oldestWaitMs: oldest,
    };
    return unreadable.length === 0 ? counts : { ...counts, unreadable: [...new Set(unreadable)] };
  }

  /** A letter for what cannot be read, in place of what may be there. */
  function unreadableLetter(queue: string, id: string, thrown: unknown): DeadLetter {
    if (!isOfOneKey(thrown)) throw thrown;
    return { ...nothing, id, queue, damage: redisError(thrown, address).message };
  }

  async function failedJob(queue: string, id: string): Promise<Grave | null> {
    const bullmq = scripts.of(queue);
    const score = await commands.zscore(bullmq.toKey("failed"), id);
    if (score === null) return null;
    const diedAt = momentOf(score);
    const forget = async (): Promise<boolean> => (await commands.zrem(bullmq.toKey("failed"), id)) === 1;
    let hash: Record<string, string>;
    try {
      hash = await commands.hgetall(bullmq.toKey(id));
    } catch (thrown) {
      return { letter: { ...unreadableLetter(queue, id, thrown), diedAt }, replay: never, drop: forget };
    }
    if (Object.keys(hash).length === 0) {
      const damage = "the job is gone from Redis; only its id is still in the list of failed jobs";
      return { letter: { ...nothing, id, queue, diedAt, damage }, replay: never, drop: forget };
    }
    const { name = "", data = "", failedReason = "", atm } = hash;
    const failure = /^(?<code>[A-Z_]+): (?<message>.*)$/s.exec(failedReason)?.groups;
    const reason = { code: failure?.["code"] ?? "FAILED", message: failure?.["message"] ?? failedReason };
    const content = contentOf(data);
    const letter = { id, type: name, queue, reason, attempt: countOf(atm, 0), diedAt, body: content.envelope };
    return {
      letter,
      async replay() {
        // First, because a crash in between then leaves a dead letter, and no job with the counts of another life.
        await commands.hdel(bullmq.toKey(id), "stc");
        const renewed = JSON.stringify({ ...content, releases: undefined, dueAt: undefined });
        await commands.hset(bullmq.toKey(id), "data", content.envelope === data ? data : renewed);
        const options = { resetAttemptsMade: true, resetAttemptsStarted: true };
        return bullmq.retryFinishedJob(jobRef(id), "failed", options).then(() => true, isGone);
      },
      drop: async () => (await forget()) && (await bullmq.remove(id, false)) === 1,
    };
  }

  function rejectedGrave(queue: string, entry: string): Grave {
    const list = keys.rejected(queue);
    const take = async (): Promise<boolean> => (await commands.lrem(list, 1, entry)) === 1;
    const { letter, bytes } = readEntry(entry, queue);
    if (bytes === null) return { letter, replay: never, drop: take };
    return {
      letter,
      async replay() {
        await commands.lpush(keys.inbox(queue), bytes);
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
    const failed = async (): Promise<(Grave | null)[]> => {
      const dead = ids ?? (await commands.zrevrange(scripts.of(queue).toKey("failed"), 0, last));
      return Promise.all(dead.map((id) => failedJob(queue, id)));
    };
    const refused = (): Promise<Grave[]> =>
      ids === undefined ? rejectedIn(queue, limit) : rejectedBy(queue, new Set(ids));
    const unread = (thrown: unknown): Grave[] => [
      { letter: unreadableLetter(queue, "", thrown), replay: never, drop: never },
    ];
    const parts = await Promise.all([failed().catch(unread), refused().catch(unread)]);
    return parts.flat().filter((grave) => grave !== null);
  }

  async function graves(query: DeadLetterQuery): Promise<Grave[]> {
    const names = query.queue === undefined ? await queues() : [query.queue];
    const all = (await Promise.all(names.map((queue) => gravesIn(queue, query)))).flat();
    return all.sort((a, b) => (b.letter.diedAt ?? 0) - (a.letter.diedAt ?? 0)).slice(0, query.limit ?? 100);
  }

  async function change(query: DeadLetterQuery, act: (grave: Grave) => Promise<boolean>): Promise<number> {
    let changed = 0;
    // Oldest first, so that what is replayed runs in the order in which it died.
    for (const grave of (await graves(query)).toReversed()) if (await act(grave)) changed += 1;
    return changed;
  }

  return {
    counts: () =>
      call(async () => {
        const all = await Promise.all((await queues()).map(countsOf));
        return all.filter((one) => {
          const { ready, delayed, leased, dead, finished } = one;
          return ready + delayed + leased + dead + finished > 0 || one.unreadable !== undefined;
        });
      }),
    deadLetters: (query = {}) => call(async () => (await graves(query)).map(({ letter }) => letter)),
    replay: (query = {}) => call(() => change(query, (grave) => grave.replay())),
    drop: (query = {}) => call(() => change(query, (grave) => grave.drop())),
  };
}

const nothing = { type: "", reason: { code: "", message: "" }, attempt: 0, diedAt: null, body: "" };
const never = async (): Promise<boolean> => false;

/** Somebody else replayed or dropped it meanwhile. */
function isGone(thrown: unknown): boolean {
  if (isInstance(thrown, Error) && "code" in thrown && (thrown.code === -1 || thrown.code === -3)) return false;
  throw thrown;
}
