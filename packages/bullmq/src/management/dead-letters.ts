import type { DeadLetterQuery, DeadLetterRecord } from "@waybill/core";
import { countOf, keyTaken, matchDeadLetters, momentOf } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import { isOfOneKey, redisError } from "../errors.ts";
import { deadReasonOf } from "../jobs/dead-reason.ts";
import { contentOf } from "../jobs/job-record.ts";
import { readEntry } from "../jobs/rejected-entries.ts";
import type { Keys } from "../scripts/keys.ts";
import { ERROR_FIELD, UNIQUE_FIELD } from "../scripts/job-fields.ts";
import type { Scripts } from "../scripts/scripts.ts";

/** A dead letter, and what can be done with it. */
export interface DeadLetter {
  readonly letter: DeadLetterRecord;
  /**
   * Resolves to false when another process replayed or dropped it before. Rejects `DUPLICATE_JOB` when another job has its
   * unique key; it stays a dead letter.
   */
  replay(): Promise<boolean>;
  drop(): Promise<boolean>;
}

/** The dead letters of a queue: BullMQ's failed jobs, and the rejected entries of the inbox. */
export interface DeadLetters {
  /** Newest first, at most `query.limit`. */
  in(queue: string, query: DeadLetterQuery): Promise<DeadLetter[]>;
}

/** Dead letters of a queue that are read at once. */
const PAGE = 500;

export function createDeadLetters(commands: Client, scripts: Scripts, keys: Keys, address: string): DeadLetters {
  /** A record in the place of one that cannot be read. */
  function unreadableLetter(queue: string, id: string, thrown: unknown): DeadLetterRecord {
    if (!isOfOneKey(thrown)) throw thrown;
    return { ...nothing, id, queue, damage: redisError(thrown, address).message };
  }

  async function failedJob(queue: string, id: string): Promise<DeadLetter | null> {
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
    const { name = "", data = "", failedReason = "", atm, [ERROR_FIELD]: thrown } = hash;
    const reason = deadReasonOf(failedReason, thrown);
    const content = contentOf(data);
    const letter = { id, type: name, queue, reason, attempt: countOf(atm, 0), diedAt, body: content.envelope };
    return {
      letter,
      async replay() {
        const renewed = JSON.stringify({ ...content, releases: undefined, dueAt: Date.now() });
        const same = content.envelope === data ? data : renewed;
        const old = ["stc", "stacktrace", ERROR_FIELD];
        const replayed = await scripts.replayJob(scripts.base(queue), id, same, old, UNIQUE_FIELD in hash);
        if (typeof replayed === "object") throw keyTaken(id, replayed.owner, "replayed");
        return replayed;
      },
      drop: async () => (await forget()) && (await bullmq.remove(id, false)) === 1,
    };
  }

  function rejectedLetter(queue: string, entry: string): DeadLetter {
    const list = keys.rejected(queue);
    const remove = async (): Promise<boolean> => (await commands.lrem(list, 1, entry)) === 1;
    const { letter, bytes } = readEntry(entry, queue);
    if (bytes === null) return { letter, replay: never, drop: remove };
    return {
      letter,
      async replay() {
        await commands.lpush(keys.inbox(queue), bytes);
        return remove();
      },
      drop: remove,
    };
  }

  /** The newest entries stand first. They have no index. */
  function rejectedIn(queue: string, query: DeadLetterQuery): Promise<DeadLetter[]> {
    return chosen(query, async (from, count) => {
      const page = await commands.lrange(keys.rejected(queue), from, from + count - 1);
      return page.map((entry) => rejectedLetter(queue, entry));
    });
  }

  async function failedIn(queue: string, query: DeadLetterQuery): Promise<DeadLetter[]> {
    const failed = scripts.of(queue).toKey("failed");
    const byId = (ids: readonly string[]): Promise<(DeadLetter | null)[]> =>
      Promise.all(ids.map((id) => failedJob(queue, id)));
    if (query.ids !== undefined) {
      const matches = matchDeadLetters(query);
      return (await byId(query.ids)).filter((one) => one !== null).filter(({ letter }) => matches(letter));
    }
    // The score is the time of the failure.
    const least = query.since ?? "-inf";
    return chosen(query, async (from, count) =>
      byId(await commands.zrevrangebyscore(failed, "+inf", least, "LIMIT", from, count)),
    );
  }

  return {
    async in(queue, query) {
      if ((query.limit ?? 100) <= 0) return [];
      const unread = (thrown: unknown): DeadLetter[] => [
        { letter: unreadableLetter(queue, "", thrown), replay: never, drop: never },
      ];
      const parts = [failedIn(queue, query).catch(unread), rejectedIn(queue, query).catch(unread)];
      return (await Promise.all(parts)).flat();
    },
  };
}

/**
 * Returns the first dead letters that pass the filters, at most `query.limit`. `read` returns a page, with null for one that
 * is gone meanwhile. Pages bound the memory that one reply needs.
 */
async function chosen(
  query: DeadLetterQuery,
  read: (from: number, count: number) => Promise<(DeadLetter | null)[]>,
): Promise<DeadLetter[]> {
  const { limit = 100 } = query;
  const matches = matchDeadLetters(query);
  const found: DeadLetter[] = [];
  const filtered = [query.ids, query.type, query.code, query.since].some((filter) => filter !== undefined);
  const size = filtered ? PAGE : Math.min(limit, PAGE);
  for (let from = 0; found.length < limit; from += size) {
    const page = await read(from, size);
    found.push(...page.filter((one) => one !== null).filter(({ letter }) => matches(letter)));
    if (page.length < size) break;
  }
  return found.slice(0, limit);
}

const nothing = { type: "", reason: { code: "", message: "" }, attempt: 0, diedAt: null, body: "" };
const never = async (): Promise<boolean> => false;
