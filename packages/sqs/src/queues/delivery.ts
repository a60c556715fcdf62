import { type Message as SqsMessage, MessageSystemAttributeName } from "@aws-sdk/client-sqs";
import { countOf, type Lease, momentOf } from "@waybill/core/backend";
import { MARGIN_MS } from "../capabilities.ts";
import type { Queue } from "./queues.ts";
import { type Attributes, textsOf } from "../message/attributes.ts";
import { type History, type Read, read } from "../message/label.ts";

/** The system attributes that a delivery needs. SQS returns only those that are requested. */
export const SYSTEM_ATTRIBUTES: MessageSystemAttributeName[] = [
  MessageSystemAttributeName.ApproximateReceiveCount,
  MessageSystemAttributeName.ApproximateFirstReceiveTimestamp,
  MessageSystemAttributeName.MessageGroupId,
];

/**
 * A received message, which is the token of its lease. SQS accepts a receipt handle after the message was delivered
 * again, so the lease is checked here, by this process's clock. Times are monotonic milliseconds.
 */
export interface Delivery {
  readonly queue: Queue;
  readonly handle: string;
  /** Unique among messages, and the same at each delivery of one. */
  readonly messageId: string;
  readonly text: string;
  readonly attributes: Attributes;
  readonly group: string | null;
  readonly read: Read;
  readonly history: History;
  readonly receivedAt: number;
  /** The end of the lease. Later settles are refused. */
  deadline: number;
  /** Until then SQS delivers the message to no other worker. A settle whose response comes later may have come too late. */
  hiddenUntil: number;
  /** True once a copy is stored: then only the removal is left to do. */
  replaced: boolean;
  settled: boolean;
}

/** The longest time for which a FIFO message is hidden: 12 h of visibility, less some seconds for the call. */
export const LONGEST_HIDE_S = 43_190;

/** `askedAt`: when the request was sent, in monotonic milliseconds. SQS may have hidden the message as early as that. */
export function deliveryOf(
  message: SqsMessage,
  queue: Queue,
  fifo: boolean,
  { askedAt, leaseMs }: { readonly askedAt: number; readonly leaseMs: number },
): Delivery {
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
    history: (fifo ? fifoHistory : standardHistory)(found.history, receives, firstReceivedAt),
    receivedAt,
    deadline: Math.min(receivedAt + leaseMs, hiddenUntil),
    hiddenUntil,
    replaced: false,
    settled: false,
  };
}

/** Every settle removes a standard message, so all its deliveries except this one were lost. */
const standardHistory = (history: History, receives: number): History => ({
  ...history,
  lost: history.lost + receives - 1,
});

/** A FIFO message stays through all deliveries: each is an attempt, except those that only hid it until it was due. */
function fifoHistory(history: History, receives: number, firstReceivedAt: number): History {
  const waitedMs = history.dueAt === null ? 0 : history.dueAt - firstReceivedAt;
  const waits = waitedMs > 0 ? Math.ceil(waitedMs / (LONGEST_HIDE_S * 1_000)) : 0;
  return { ...history, attempt: Math.max(1, history.attempt + receives - 1 - waits), lost: 0, releases: 0 };
}

/** Returns the job's id for errors, or the message id if the label has none. */
export const jobOf = ({ read: { label }, messageId }: Delivery): string => label?.id ?? messageId;

/** Returns the visibility timeout of a lease, in whole seconds. */
export const visibilityFor = (leaseMs: number): number => Math.ceil((leaseMs + MARGIN_MS) / 1_000);

/** Returns the delivery of a lease; null once it was settled or has ended, or if the lease is another backend's. */
export function deliveryIn({ token }: Lease): Delivery | null {
  if (typeof token !== "object" || token === null || !("handle" in token)) return null;
  const delivery = token as Delivery;
  return delivery.settled || hasEnded(delivery) ? null : delivery;
}

/** After its end a lease changes nothing. A message whose copy is stored is removed even then. */
export const hasEnded = ({ replaced, deadline }: Delivery): boolean => !replaced && performance.now() >= deadline;

/** Whether SQS may have delivered the message to another worker before it carried out a settle. */
export const cameTooLate = ({ hiddenUntil }: Delivery): boolean => performance.now() >= hiddenUntil;
