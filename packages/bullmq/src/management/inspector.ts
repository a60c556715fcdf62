import {
  type DeadLetterQuery,
  type Inspector,
  isWaybillError,
  type QueueCounts,
  type WaybillError,
} from "@waybill/core";
import type { Client } from "../connection/client.ts";
import { isOfOneKey, redisError } from "../errors.ts";
import type { Keys } from "../scripts/keys.ts";
import type { Scripts } from "../scripts/scripts.ts";
import { createDeadLetters, type DeadLetter } from "./dead-letters.ts";
import { oldestWaitMs } from "./oldest-wait.ts";

/** Scores of delayed jobs are Unix milliseconds times this. */
const DELAY_UNIT = 4_096;

export interface InspectorParts {
  readonly commands: Client;
  readonly scripts: Scripts;
  readonly keys: Keys;
  readonly address: string;
  /** Rejects `BACKEND_CLOSED` once the backend is closed, and names the server in Redis's errors. */
  readonly call: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Every record is read by itself: one that another program wrote is shown as damaged and does not hide the others. */
export function createInspector({ commands, scripts, keys, address, call }: InspectorParts): Inspector {
  const deadLetters = createDeadLetters(commands, scripts, keys, address);
  const queues = async (): Promise<string[]> => (await commands.smembers(keys.queues)).sort();

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

  async function find(query: DeadLetterQuery): Promise<DeadLetter[]> {
    const names = query.queue === undefined ? await queues() : [query.queue];
    const all = (await Promise.all(names.map((queue) => deadLetters.in(queue, query)))).flat();
    return all.sort((a, b) => (b.letter.diedAt ?? 0) - (a.letter.diedAt ?? 0)).slice(0, query.limit ?? 100);
  }

  /** Rejects with the first `DUPLICATE_JOB`, after the others were changed. */
  async function change(query: DeadLetterQuery, act: (one: DeadLetter) => Promise<boolean>): Promise<number> {
    let changed = 0;
    let duplicate: WaybillError | null = null;
    // Oldest first: replayed jobs run in the order in which they died.
    for (const one of (await find(query)).toReversed()) {
      try {
        if (await act(one)) changed += 1;
      } catch (thrown) {
        if (!isWaybillError(thrown, "DUPLICATE_JOB")) throw thrown;
        duplicate ??= thrown;
      }
    }
    if (duplicate !== null) throw duplicate;
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
    deadLetters: (query = {}) => call(async () => (await find(query)).map(({ letter }) => letter)),
    replay: (query = {}) => call(() => change(query, (one) => one.replay())),
    drop: (query = {}) => call(() => change(query, (one) => one.drop())),
  };
}
