import { type Message as SqsMessage, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { DeadReason } from "@waybill/core";
import type { BackendContext, Lease } from "@waybill/core/backend";
import { type Client, REQUEST_TIMEOUT_MS } from "./client.ts";
import { type Delivery, deliveryOf, visibilityFor, WANTED } from "./delivery.ts";
import { sqsError } from "./errors.ts";
import type { Label } from "./label.ts";
import type { Moves } from "./moves.ts";
import type { Queue } from "./queues.ts";

/** What to ask of one queue. */
export interface Ask {
  /** Waybill's name of the queue. */
  readonly from: string;
  readonly queue: Queue;
  readonly limit: number;
  readonly leaseMs: number;
  /** 0 looks once. */
  readonly waitSeconds: number;
}

/** A message, and when the call that brought it was sent, on the monotonic clock. */
interface Arrival {
  readonly message: SqsMessage;
  readonly askedAt: number;
}

export interface Receive {
  /** What is there to run, up to `limit`. What is not yet due goes back to sleep; what is no job core dead-letters. */
  (ask: Ask): Promise<Lease[]>;
}

/** `damage`: why it is no job. */
interface Labelled {
  readonly label: Label;
  readonly damage?: DeadReason;
}

const MOST_A_CALL = 10;
/** Calls side by side, while a queue has plenty. */
const MOST_CALLS = 8;

export function createReceive(client: Client, moves: Moves, context: BackendContext, fifo: boolean): Receive {
  // One of a group at a time: a second message of the group must not be in our hands while the first may yet fail.
  const each = fifo ? 1 : MOST_A_CALL;
  /** Queues whose last look brought all that was asked for. */
  const plenty = new WeakSet<Queue>();

  async function call({ queue, leaseMs }: Ask, limit: number, waitSeconds: number): Promise<Arrival[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: queue.url,
      MaxNumberOfMessages: Math.min(each, limit),
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: visibilityFor(leaseMs),
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: WANTED,
    });
    const askedAt = performance.now();
    try {
      const { Messages = [] } = await client.send(command, {
        requestTimeout: waitSeconds * 1_000 + REQUEST_TIMEOUT_MS,
      });
      return Messages.map((message) => ({ message, askedAt }));
    } catch (thrown) {
      throw sqsError(thrown, `receiving from "${queue.name}"`);
    }
  }

  /** Short looks side by side. One that fails does not cost us what the others brought. */
  async function many(ask: Ask, limit: number): Promise<Arrival[]> {
    const calls: Promise<Arrival[]>[] = [];
    for (let left = limit; left > 0 && calls.length < MOST_CALLS; left -= each) calls.push(call(ask, left, 0));
    const ended = await Promise.allSettled(calls);
    const found = ended.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    const failed = ended.find((one) => one.status === "rejected");
    if (failed !== undefined && found.length === 0) throw failed.reason;
    return found;
  }

  async function fetch(ask: Ask): Promise<Arrival[]> {
    const wanted = Math.min(ask.limit, each * MOST_CALLS);
    if (plenty.has(ask.queue)) {
      const found = await many(ask, wanted);
      if (found.length < wanted) plenty.delete(ask.queue);
      if (found.length > 0) return found;
    }
    const first = await call(ask, ask.limit, ask.waitSeconds);
    if (first.length < Math.min(each, ask.limit)) return first;
    const rest = wanted > first.length ? await many(ask, wanted - first.length).catch(() => []) : [];
    if (first.length + rest.length === wanted) plenty.add(ask.queue);
    return [...first, ...rest];
  }

  /** The label its sender gave it, or what core makes of the body. What is no job has SQS's own id and no type. */
  function labelOf({ read: { label, body, signature }, messageId }: Delivery): Labelled {
    if (label !== null) return { label };
    const judged = context.admit(body, signature);
    if (judged.ok) return { label: judged.message };
    return { label: { id: messageId, type: "", tenant: null, signature }, damage: judged.reason };
  }

  function sleepsOn(delivery: Delivery, label: Label): boolean {
    const { dueAt } = delivery.history;
    const earlyMs = dueAt === null ? 0 : dueAt - Date.now();
    if (earlyMs <= 0) return false;
    void (fifo ? moves.sleep(delivery, earlyMs) : moves.replace(delivery, label, delivery.history));
    return true;
  }

  return async (ask) => {
    const arrivals = await fetch(ask);
    const leases: Lease[] = [];
    for (const { message, askedAt } of arrivals) {
      const delivery = deliveryOf(message, ask.queue, fifo, { askedAt, leaseMs: ask.leaseMs });
      const labelled = labelOf(delivery);
      if (labelled.damage || !sleepsOn(delivery, labelled.label)) leases.push(leaseOf(delivery, labelled, ask.from));
    }
    return leases;
  };
}

function leaseOf(delivery: Delivery, { label, damage }: Labelled, from: string): Lease {
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
