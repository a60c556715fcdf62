import { randomUUID } from "node:crypto";
import { type DeadReason, EnvelopeError, toError } from "@waybill/core";
import type { BackendContext, Message } from "@waybill/core/backend";
import { bullmqCapabilities } from "./capabilities.ts";
import { type Client, LONGEST_BLOCK_MS } from "./connections.ts";
import type { Enqueue } from "./enqueue.ts";
import { isRefusal, redisError } from "./errors.ts";
import type { Keys } from "./keys.ts";
import { rejectedEntry } from "./rejected.ts";

/** The list into which foreign producers push envelopes for one queue. */
export interface Inbox {
  /** Ends the draining; what was taken and not stored stays in Redis for the next drainer. */
  close(): Promise<void>;
}

export interface InboxSettings {
  readonly queue: string;
  readonly keys: Keys;
  /** Tells this process's processing list from all others. */
  readonly drainer: string;
  readonly commands: Client;
  readonly connect: () => Client;
  readonly address: string;
  readonly context: BackendContext;
  readonly enqueue: Enqueue;
}

/** Entries taken at once. */
const SLICE = 100;
const ALIVE_MS = 10_000;
const RECLAIM_EVERY_MS = 5_000;
const AFTER_FAILURE_MS = 250;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Drains the inbox for as long as the backend is open. An entry moves to a processing list of ours, is stored as a
 * job and only then removed, so that a crash anywhere leaves it in Redis; another drainer then finds it.
 */
export function drainInbox(settings: InboxSettings): Inbox {
  const { queue, keys, drainer, commands, connect, address, enqueue } = settings;
  const { admit, report } = settings.context;
  const what = `inbox of ${queue}`;
  const inbox = keys.inbox(queue);
  const processing = keys.processing(queue, drainer);
  const connection = connect();
  const closing = new AbortController();
  const { signal } = closing;
  let reclaimedAt = -Infinity;

  /** Said before every wait, so that whoever finds our list knows whether we are there. */
  async function announce(): Promise<void> {
    await Promise.all([
      commands.sadd(keys.drainers(queue), drainer),
      commands.set(keys.alive(queue, drainer), "1", "PX", ALIVE_MS),
    ]);
  }

  /** Entries of drainers that are no more go back to the head of the inbox, in their order. */
  async function reclaim(): Promise<void> {
    reclaimedAt = performance.now();
    for (const other of await commands.smembers(keys.drainers(queue))) {
      if (other === drainer || (await commands.exists(keys.alive(queue, other))) === 1) continue;
      while ((await commands.lmove(keys.processing(queue, other), inbox, "LEFT", "RIGHT")) !== null);
      await commands.srem(keys.drainers(queue), other);
    }
  }

  /** Waits for a first entry, then takes those behind it. */
  async function take(): Promise<void> {
    const first = await connection.blmove(inbox, processing, "RIGHT", "LEFT", LONGEST_BLOCK_MS / 1_000);
    if (first === null) return;
    const more = Math.min(await commands.llen(inbox), SLICE - 1);
    await Promise.all(Array.from({ length: more }, () => commands.lmove(inbox, processing, "RIGHT", "LEFT")));
  }

  function judged(bytes: Buffer): Message | DeadReason {
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
    const verdicts = entries.map(judged);
    const messages = verdicts.filter((verdict) => "body" in verdict);
    const answers = (await enqueue(messages)).values();
    for (const [index, bytes] of entries.entries()) {
      const verdict = verdicts[index];
      if (verdict === undefined) continue;
      if (!("body" in verdict)) {
        await reject(bytes, verdict);
        continue;
      }
      const answer = answers.next().value;
      if (answer?.ok) await commands.lrem(processing, -1, bytes);
      else if (answer?.error.code === "ID_CONFLICT" || answer?.error.code === "CAPABILITY_MISSING") {
        await reject(bytes, { code: answer.error.code, message: answer.error.message });
      } else throw answer?.error ?? new Error("the entry was not answered");
    }
  }

  async function round(): Promise<void> {
    await announce();
    if (performance.now() - reclaimedAt > RECLAIM_EVERY_MS) await reclaim();
    await take();
    for (;;) {
      const entries = await commands.lrangeBuffer(processing, -bullmqCapabilities.maxBatch, -1);
      if (entries.length === 0 || signal.aborted) return;
      await store(entries.toReversed());
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await round();
        report.succeeded(what);
      } catch (thrown) {
        if (signal.aborted) return;
        // The entries wait where they are.
        if (isRefusal(thrown)) report.failed(what, redisError(thrown, address));
        await new Promise((resolve) => setTimeout(resolve, AFTER_FAILURE_MS));
      }
    }
  }

  const running = run();
  return {
    async close() {
      closing.abort();
      connection.disconnect();
      await running;
      await commands.del(keys.alive(queue, drainer));
    },
  };
}
