import { NotReplicatedError, type Receipt, type Result, toError, WaybillError } from "@waybill/core";
import type { Message } from "@waybill/core/backend";
import type { Redis } from "ioredis";
import type { Replication } from "../options/options.ts";
import type { Enqueue } from "./enqueue.ts";

export interface ReplicatedParts extends Replication {
  /** The connection of `enqueue`, and of nothing else: it is blocked while replicas are waited for. */
  readonly client: Redis;
  readonly key: string;
  readonly address: string;
}

interface Call {
  readonly messages: readonly Message[];
  readonly resolve: (results: Result<Receipt>[]) => void;
}

const CONFIRMED = null;
/** So that the key goes once nothing is enqueued any more. */
const KEY_LIVES_MS = 60_000;

/**
 * Stores messages by `enqueue`, then waits until replicas have confirmed them. Calls that arrive while replicas are waited for
 * share the next wait, so that a call waits for at most two. Never rejects. A crash at any point leaves jobs that may be
 * enqueued again with their ids.
 */
export function createReplicatedEnqueue(enqueue: Enqueue, parts: ReplicatedParts): Enqueue {
  const { address, replicas, waitMs } = parts;
  const confirm = createConfirm(parts);
  let waiting: Call[] = [];
  let isRunning = false;

  /** What a message gets instead of its result where that would say that the job is safe; null for its result. */
  type Shortfall = ((id: string) => WaybillError) | null;

  async function shortfall(connection: number): Promise<Shortfall> {
    try {
      const confirmed = await confirm(connection);
      if (confirmed >= replicas) return CONFIRMED;
      const found = `${confirmed} of ${replicas} replicas confirmed it within ${waitMs} ms`;
      return (id) =>
        new NotReplicatedError(
          id,
          `${address}: job "${id}" is stored on the primary and may run, but ${found}, so a failover may lose it; enqueue it again with that id`,
        );
    } catch (thrown) {
      // Not by `redisError`: it may say that nothing was stored, and the job is.
      const cause = toError(thrown);
      const text = `${address}: the connection failed while replicas were waited for: ${cause.message}`;
      return () => new WaybillError("BACKEND_UNAVAILABLE", text, { cause });
    }
  }

  async function round(calls: readonly Call[]): Promise<void> {
    const connection = confirm.connection();
    const results = await Promise.all(calls.map(({ messages }) => enqueue(messages)));
    const someStored = results.flat().some(saysThatItIsStored);
    const short = someStored ? await shortfall(connection) : CONFIRMED;
    for (const [at, { messages, resolve }] of calls.entries()) {
      const own = results[at] ?? [];
      if (short === CONFIRMED) resolve(own);
      else
        resolve(
          own.map((result, index) =>
            saysThatItIsStored(result) ? { ok: false, error: short((messages[index] as Message).id) } : result,
          ),
        );
    }
  }

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) {
      const calls = waiting;
      waiting = [];
      await round(calls);
    }
    isRunning = false;
  }

  return (messages) =>
    new Promise((resolve) => {
      waiting.push({ messages, resolve });
      if (!isRunning) void run();
    });
}

/** `ID_CONFLICT` too: after `NOT_REPLICATED`, a caller who tries again learns by it that the job is there. */
const saysThatItIsStored = (result: Result<Receipt>): boolean => result.ok || result.error.code === "ID_CONFLICT";

/** Returns how many replicas have what was written on a connection. Rejects if that connection has ended since. */
interface Confirm {
  (connection: number): Promise<number>;
  /** The number of the present connection. */
  connection(): number;
}

function createConfirm({ client, key, replicas, waitMs }: ReplicatedParts): Confirm {
  let connections = 0;
  client.on("close", () => (connections += 1));
  const assertSame = (connection: number): void => {
    if (connection !== connections) throw new Error("it broke after the job was stored");
  };
  async function confirm(connection: number): Promise<number> {
    assertSame(connection);
    // WAIT counts replicas that have this connection's last write, which is one of its own: a job that was known is none.
    const [, confirmed] = await Promise.all([client.set(key, "1", "PX", KEY_LIVES_MS), client.wait(replicas, waitMs)]);
    // On another connection it could be another primary, which never had the job.
    assertSame(connection);
    return confirmed;
  }
  return Object.assign(confirm, { connection: () => connections });
}
