import { randomUUID } from "node:crypto";
import { type DeadReason, EnvelopeError, isWaybillError, toError, type WaybillError } from "@waybill/core";
import { arrivalRefused, type BackendContext, type Message } from "@waybill/core/backend";
import { bullmqCapabilities } from "../capabilities.ts";
import { type Client, LONGEST_BLOCK_MS } from "../connection/client.ts";
import { isRefusal, redisError } from "../errors.ts";
import type { Keys } from "../scripts/keys.ts";
import type { Enqueue } from "./enqueue.ts";
import { rejectedEntry } from "./rejected-entries.ts";

/** The list into which programs in other languages push envelopes for one queue. */
export interface Inbox {
  /** Ends the draining. Entries that were moved and are not stored stay in Redis for the next process. */
  close(): Promise<void>;
}

export interface InboxParts {
  readonly queue: string;
  readonly keys: Keys;
  /** Names this process's processing list. */
  readonly processId: string;
  readonly commands: Client;
  readonly connect: () => Client;
  readonly address: string;
  readonly context: BackendContext;
  readonly enqueue: Enqueue;
}

/** Entries moved at once. */
const MOST_AT_ONCE = 100;
const ALIVE_MS = 10_000;
const RECOVER_EVERY_MS = 5_000;
const AFTER_FAILURE_MS = 250;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Drains the inbox for as long as the backend is open. An entry moves to a processing list of this process, is stored as a
 * job and only then removed. A crash anywhere leaves it in Redis, where another process finds it.
 */
export function drainInbox({
  queue,
  keys,
  processId,
  commands,
  connect,
  address,
  context,
  enqueue,
}: InboxParts): Inbox {
  const { admit, report } = context;
  const what = `inbox of ${queue}`;
  const inbox = keys.inbox(queue);
  const processing = keys.processing(queue, processId);
  const connection = connect();
  const closing = new AbortController();
  const { signal } = closing;
  let recoveredAt = -Infinity;

  /** Written before every wait, so that a process which finds our list knows whether we are alive. */
  async function announce(): Promise<void> {
    await Promise.all([
      commands.sadd(keys.drainers(queue), processId),
      commands.set(keys.alive(queue, processId), "1", "PX", ALIVE_MS),
    ]);
  }

  /** Moves the entries of processes that have died to the head of the inbox, in their order. */
  async function recover(): Promise<void> {
    recoveredAt = performance.now();
    for (const other of await commands.smembers(keys.drainers(queue))) {
      if (other === processId || (await commands.exists(keys.alive(queue, other))) === 1) continue;
      while ((await commands.lmove(keys.processing(queue, other), inbox, "LEFT", "RIGHT")) !== null);
      await commands.srem(keys.drainers(queue), other);
    }
  }

  /** Waits for a first entry, then moves it and those behind it to the processing list. */
  async function receive(): Promise<void> {
    const first = await connection.blmove(inbox, processing, "RIGHT", "LEFT", LONGEST_BLOCK_MS / 1_000);
    if (first === null) return;
    const more = Math.min(await commands.llen(inbox), MOST_AT_ONCE - 1);
    await Promise.all(Array.from({ length: more }, () => commands.lmove(inbox, processing, "RIGHT", "LEFT")));
  }

  function admitted(bytes: Buffer): Message | DeadReason {
    try {
      const verdict = admit(utf8.decode(bytes), null);
      return verdict.ok ? verdict.message : verdict.reason;
    } catch (thrown) {
      const error = toError(thrown);
      if (error instanceof TypeError) return { code: "ENCODING_INVALID", message: "the entry is not UTF-8" };
      return { code: error instanceof EnvelopeError ? error.envelopeCode : "ADMISSION_FAILED", message: error.message };
    }
  }

  async function reject(bytes: Buffer, reason: DeadReason): Promise<void> {
    const id = randomUUID();
    await commands.lpush(keys.rejected(queue), rejectedEntry(bytes, reason, id));
    report.rejected({ id, queue, reason });
    await commands.lrem(processing, -1, bytes);
  }

  async function store(entries: readonly Buffer[]): Promise<void> {
    const verdicts = entries.map(admitted);
    const messages = verdicts.filter((verdict) => "body" in verdict);
    const results = (await enqueue(messages)).values();
    for (const [index, bytes] of entries.entries()) {
      const verdict = verdicts[index];
      if (verdict === undefined) continue;
      if (!("body" in verdict)) {
        await reject(bytes, verdict);
        continue;
      }
      const result = results.next().value;
      const error = result?.ok ? null : (result?.error ?? new Error("the entry has no result"));
      const reason = isWaybillError(error) ? refusalOf(error) : null;
      if (error === null) await commands.lrem(processing, -1, bytes);
      else if (reason !== null) await reject(bytes, reason);
      else throw error;
    }
  }

  async function drainOnce(): Promise<void> {
    await announce();
    if (performance.now() - recoveredAt > RECOVER_EVERY_MS) await recover();
    await receive();
    for (;;) {
      const entries = await commands.lrangeBuffer(processing, -bullmqCapabilities.maxBatch, -1);
      if (entries.length === 0 || signal.aborted) return;
      await store(entries.toReversed());
    }
  }

  async function drain(): Promise<void> {
    while (!signal.aborted) {
      try {
        await drainOnce();
        report.succeeded(what);
      } catch (thrown) {
        if (signal.aborted) return;
        // The entries wait where they are.
        if (isRefusal(thrown)) report.failed(what, redisError(thrown, address));
        await new Promise((resolve) => setTimeout(resolve, AFTER_FAILURE_MS).unref());
      }
    }
  }

  const draining = drain();
  return {
    async close() {
      closing.abort();
      connection.disconnect();
      await draining;
      await commands.del(keys.alive(queue, processId));
    },
  };
}

/** Returns why an entry is kept that is never stored; null where it is tried again. */
function refusalOf(error: WaybillError): DeadReason | null {
  const { code, message } = error;
  if (code === "CAPABILITY_MISSING") return { code: "NEED_UNSUPPORTED", message };
  return code === "ID_CONFLICT" || code === "DUPLICATE_JOB" ? arrivalRefused(error) : null;
}
