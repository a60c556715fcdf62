import { type Message as SqsMessage, MessageSystemAttributeName } from "@aws-sdk/client-sqs";
import { countOf, type Lease, momentOf } from "@waybill/core/backend";
import { type Attributes, textsOf } from "./attributes.ts";
import { MARGIN_MS } from "./capabilities.ts";
import { leaseLost } from "./errors.ts";
import { type History, type Read, read } from "./label.ts";
import type { Queue } from "./queues.ts";

/** What SQS is to tell of each message; it tells nothing unasked. */
export const WANTED: MessageSystemAttributeName[] = [
  MessageSystemAttributeName.ApproximateReceiveCount,
  MessageSystemAttributeName.ApproximateFirstReceiveTimestamp,
  MessageSystemAttributeName.MessageGroupId,
];

/**
 * One message in our hands: the token of a lease. SQS deletes by an old handle without complaint, so that whether it is
 * still ours is judged here, by our own clock.
 */
export interface Delivery {
  readonly queue: Queue;
  readonly handle: string;
  /** Unique among messages, and the same at each delivery of one. */
  readonly messageId: string;
  /** As it came. */
  readonly text: string;
  readonly attributes: Attributes;
  readonly group: string | null;
  readonly read: Read;
  readonly history: History;
  /** On the monotonic clock. */
  readonly receivedAt: number;
  /** On the monotonic clock; settles after it are refused. */
  deadline: number;
  /** On the monotonic clock: until then SQS surely gives it to nobody else. A settle that is answered later may have come late. */
  hiddenUntil: number;
  /** The copy that takes its place is stored; only the removal is left to do. */
  replaced: boolean;
  settled: boolean;
}

/** FIFO messages sleep at most this long at a time: 12 h of visibility, less a little for the way. */
export const LONGEST_SLEEP_S = 43_190;

export interface Received {
  /** When the call was sent, on the monotonic clock: SQS may have hidden the message as early as that. */
  readonly askedAt: number;
  readonly leaseMs: number;
}

export function deliveryOf(message: SqsMessage, queue: Queue, fifo: boolean, { askedAt, leaseMs }: Received): Delivery {
  const { Body: text = "", MessageAttributes: attributes = {}, Attributes: system = {} } = message;
  const found = read(text, textsOf(attributes));
  const receives = countOf(system.ApproximateReceiveCount, 1);
  const firstReceivedAt = momentOf(system.ApproximateFirstReceiveTimestamp) ?? Date.now();
  const receivedAt = performance.now();
  const hiddenUntil = askedAt + visibilityFor(leaseMs) * 1_000;
  return {
    queue,
    handle: message.ReceiptHandle ?? "",
    messageId: message.MessageId ?? "",
    text,
    attributes,
    group: system.MessageGroupId ?? null,
    read: found,
    history: fifo ? countedOf(found.history, receives, firstReceivedAt) : lostOf(found.history, receives),
    receivedAt,
    deadline: Math.min(receivedAt + leaseMs, hiddenUntil),
    hiddenUntil,
    replaced: false,
    settled: false,
  };
}

/** Every settle of a standard message removes it, so that all deliveries of this one but the last were lost. */
const lostOf = (history: History, receives: number): History => ({ ...history, lost: history.lost + receives - 1 });

/** A FIFO message stays the same through all deliveries: they are the attempts, less those that only put it to sleep. */
function countedOf(history: History, receives: number, firstReceivedAt: number): History {
  const sleptMs = history.dueAt === null ? 0 : history.dueAt - firstReceivedAt;
  const sleeps = sleptMs > 0 ? Math.ceil(sleptMs / (LONGEST_SLEEP_S * 1_000)) : 0;
  return { ...history, attempt: Math.max(1, history.attempt + receives - 1 - sleeps), lost: 0, releases: 0 };
}

/** For errors: the job's id, or SQS's own where only the body knows it. */
export const jobOf = ({ read: { label }, messageId }: Delivery): string => label?.id ?? messageId;

/** Seconds of visibility for a lease: whole ones, and the margin. */
export const visibilityFor = (leaseMs: number): number => Math.ceil((leaseMs + MARGIN_MS) / 1_000);

/** The delivery behind a lease, whoever copied the lease. Throws LEASE_LOST for one that is no longer ours. */
export function ours(lease: Lease): Delivery {
  const delivery = lease.token as Partial<Delivery> | null;
  if (typeof delivery !== "object" || delivery === null || delivery.handle === undefined) throw leaseLost(lease.id);
  const held = delivery as Delivery;
  if (held.settled || ranOut(held)) throw leaseLost(lease.id);
  return held;
}

/** Past its deadline nothing more is done to a message; once its copy is stored, it is removed however late. */
export const ranOut = ({ replaced, deadline }: Delivery): boolean => !replaced && performance.now() >= deadline;

/** SQS takes a settle by an old handle without complaint: one that is answered too late may have met another's lease. */
export const cameTooLate = ({ replaced, hiddenUntil }: Delivery): boolean =>
  !replaced && performance.now() >= hiddenUntil;
