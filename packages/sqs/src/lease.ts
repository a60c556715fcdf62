import { setTimeout as sleep } from "node:timers/promises";
import { type Message as SqsMessage, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { DeadReason } from "@waybill/core";
import type { Admit, Lease, LeaseRequest } from "@waybill/core/backend";
import { REQUEST_TIMEOUT_MS, type Send } from "./client/client.ts";
import { sqsError } from "./errors.ts";
import { type Delivery, deliveryOf, SYSTEM_ATTRIBUTES, visibilityFor } from "./queues/delivery.ts";
import type { Label } from "./message/label.ts";
import type { Queue, Queues } from "./queues/queues.ts";
import type { Settle } from "./settle.ts";

export interface Leases {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Ends waiting calls with no leases. Resolves when the last poll has ended and its messages are released. */
  close(): Promise<void>;
}

export interface LeaseSettings {
  readonly send: Send;
  readonly queues: Queues;
  readonly settle: Settle;
  readonly admit: Admit;
  readonly fifo: boolean;
  readonly pollSeconds: number;
}

interface Poll {
  readonly queue: Queue;
  readonly limit: number;
  readonly leaseMs: number;
  /** 0: one look without a wait. */
  readonly waitSeconds: number;
}

interface Arrival {
  readonly message: SqsMessage;
  /** When its request was sent, in monotonic milliseconds. */
  readonly askedAt: number;
}

/** The shortest time between polls that return nothing. */
const SHORTEST_POLL_MS = 50;
const MOST_A_REQUEST = 10;
/** Requests in parallel, while a queue has many messages. */
const MOST_REQUESTS = 8;

/**
 * Waits by polls that are never aborted: SQS may have delivered a message to an aborted request, and would hide it for
 * the whole lease. An aborted `lease` call returns at once; its poll continues, and its messages are released.
 */
export function createLeases({ send, queues, settle, admit, fifo, pollSeconds }: LeaseSettings): Leases {
  const closing = new AbortController();
  const open = new Set<Promise<unknown>>();
  // A FIFO queue would deliver the next message of a group while the first may still fail.
  const each = fifo ? 1 : MOST_A_REQUEST;
  /** Queues whose last poll returned as many messages as requested. */
  const full = new WeakSet<Queue>();

  function track(work: Promise<unknown>): void {
    const tracked = work.catch(() => undefined).finally(() => open.delete(tracked));
    open.add(tracked);
  }

  async function request({ queue, leaseMs }: Poll, limit: number, waitSeconds: number): Promise<Arrival[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: queue.url,
      MaxNumberOfMessages: Math.min(each, limit),
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: visibilityFor(leaseMs),
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: SYSTEM_ATTRIBUTES,
    });
    const askedAt = performance.now();
    try {
      const { Messages = [] } = await send(command, { requestTimeout: waitSeconds * 1_000 + REQUEST_TIMEOUT_MS });
      return Messages.map((message) => ({ message, askedAt }));
    } catch (thrown) {
      throw sqsError(thrown, `receiving from "${queue.name}"`);
    }
  }

  /** Makes requests without a wait in parallel. Rejects only if one fails and the others return nothing. */
  async function requestMany(poll: Poll, limit: number): Promise<Arrival[]> {
    const requests: Promise<Arrival[]>[] = [];
    for (let left = limit; left > 0 && requests.length < MOST_REQUESTS; left -= each) {
      requests.push(request(poll, left, 0));
    }
    const ended = await Promise.allSettled(requests);
    const found = ended.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    const failed = ended.find((one) => one.status === "rejected");
    if (failed !== undefined && found.length === 0) throw failed.reason;
    return found;
  }

  async function receive(poll: Poll): Promise<Arrival[]> {
    const { queue, limit, waitSeconds } = poll;
    const wanted = Math.min(limit, each * MOST_REQUESTS);
    if (full.has(queue)) {
      const found = await requestMany(poll, wanted);
      if (found.length < wanted) full.delete(queue);
      if (found.length > 0) return found;
    }
    const first = await request(poll, limit, waitSeconds);
    if (first.length < Math.min(each, limit)) return first;
    const rest = wanted > first.length ? await requestMany(poll, wanted - first.length).catch(() => []) : [];
    if (first.length + rest.length === wanted) full.add(queue);
    return [...first, ...rest];
  }

  /** Leases the messages that are due, and those that are no job, which core dead-letters. Postpones the others. */
  async function leaseDue(from: string, poll: Poll): Promise<Lease[]> {
    const leases: Lease[] = [];
    for (const { message, askedAt } of await receive(poll)) {
      const delivery = deliveryOf(message, poll.queue, fifo, { askedAt, leaseMs: poll.leaseMs });
      const { label, damage } = labelOf(delivery, admit);
      const earlyMs = (delivery.history.dueAt ?? 0) - Date.now();
      if (damage === undefined && earlyMs > 0) void settle.postpone(delivery, label, earlyMs);
      else leases.push(leaseOf(delivery, label, damage, from));
    }
    return leases;
  }

  return {
    async lease({ queue: from, limit, leaseMs, waitMs, signal }) {
      const until = performance.now() + waitMs;
      const signals = [signal, closing.signal];
      const queue = await untilAborted(queues.find(from), signals);
      if (queue === null) return [];
      // A lease counts from its request, so a poll uses a third of it at most.
      const longestSeconds = Math.min(pollSeconds, Math.max(1, Math.floor(leaseMs / 3_000)));
      while (!signals.some(({ aborted }) => aborted)) {
        const askedAt = performance.now();
        const waitSeconds = Math.min(longestSeconds, Math.ceil(Math.max(0, until - askedAt) / 1_000));
        const poll = leaseDue(from, { queue, limit, leaseMs, waitSeconds });
        track(poll);
        const found = await untilAborted(poll, signals);
        if (found === null) {
          track(poll.then(settle.release));
          break;
        }
        const now = performance.now();
        if (found.length > 0 || now >= until) return found;
        // A service that does not wait would be polled in a loop that lets nothing else run.
        if (now - askedAt < SHORTEST_POLL_MS) await sleep(Math.min(SHORTEST_POLL_MS, until - now));
      }
      return [];
    },
    async close() {
      closing.abort();
      while (open.size > 0) await Promise.all(open);
    },
  };
}

/** Returns the label in the attributes, or the one that core finds in the body. `damage`: why the message is no job. */
function labelOf(
  { read: { label, body, signature }, messageId }: Delivery,
  admit: Admit,
): { readonly label: Label; readonly damage?: DeadReason } {
  if (label !== null) return { label };
  const admitted = admit(body, signature);
  if (admitted.ok) return { label: admitted.message };
  return { label: { id: messageId, type: "", tenant: null, signature }, damage: admitted.reason };
}

function leaseOf(delivery: Delivery, label: Label, damage: DeadReason | undefined, from: string): Lease {
  const { id, type, tenant, signature } = label;
  return {
    ...delivery.history,
    id,
    type,
    tenant,
    signature,
    queue: from,
    priority: 0,
    body: delivery.read.body,
    ...(damage && { damage }),
    expiresAt: Date.now() + Math.floor(delivery.deadline - performance.now()),
    token: delivery,
  };
}

/** Resolves to null when one of the signals is aborted first. */
function untilAborted<T>(work: Promise<T>, signals: readonly AbortSignal[]): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(null);
    if (signals.some(({ aborted }) => aborted)) end();
    for (const signal of signals) signal.addEventListener("abort", end, { once: true });
    work.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener("abort", end);
    });
  });
}
