import { WaybillError } from "@waybill/core";
import type { Capabilities, Message } from "@waybill/core/backend";
import { sizeOf } from "./attributes.ts";
import type { Outgoing } from "./batches.ts";
import { groupOf, historyAttributes, labelAttributes, newborn, toWire } from "./label.ts";
import type { Settings } from "./options.ts";
import type { Queue } from "./queues.ts";

/** A message as SQS will see it, or why it must not be sent: SQS, or a copy of it, might take it and cut or lose it. */
export function outgoingOf(
  message: Message,
  queue: Queue,
  settings: Settings,
  has: Capabilities,
): Outgoing | WaybillError {
  const { id, body, delayMs, priority } = message;
  const excess = excessOf(message, queue, settings, has);
  if (excess !== null) return refused(id, excess);
  if (priority !== 0) return refused(id, `priority ${priority}: SQS has none; use one queue per priority`);
  if (Buffer.byteLength(body) > has.maxBodyBytes) {
    const text = `a body of more than ${has.maxBodyBytes} bytes; store the data elsewhere and enqueue a reference`;
    return refused(id, text);
  }
  if (/\p{Surrogate}/u.test(`${body}${id}${message.type}${message.tenant ?? ""}`)) {
    return refused(id, "half a surrogate pair, which is no text; write it as a JSON escape");
  }
  const { text, encoding } = toWire(body);
  const dueAt = delayMs > 0 ? Date.now() + delayMs : null;
  const attributes = {
    ...settings.ownAttributes,
    ...labelAttributes(message),
    ...historyAttributes({ ...newborn, dueAt }),
    ...encoding,
  };
  if (sizeOf(text, attributes) > queue.maxBytes) {
    return refused(id, `more than the ${queue.maxBytes} bytes of "${queue.name}"; raise its MaximumMessageSize`);
  }
  return {
    job: id,
    text,
    attributes,
    delaySeconds: settings.fifo ? 0 : Math.ceil(delayMs / 1_000),
    group: settings.fifo || message.tenant !== null ? groupOf(message) : null,
    dedupe: settings.fifo ? groupOf({ id, tenant: null }) : null,
  };
}

const DAY_MS = 86_400_000;

function excessOf({ delayMs }: Message, queue: Queue, { fifo }: Settings, has: Capabilities): string | null {
  if (delayMs > has.maxDelayMs) return `a delay of ${delayMs} ms of at most ${has.maxDelayMs}; ask for less`;
  if (!fifo || delayMs === 0 || delayMs <= queue.retentionMs - DAY_MS) return null;
  return `a delay of ${delayMs} ms, and "${queue.name}" forgets messages after ${queue.retentionMs} ms; raise its MessageRetentionPeriod`;
}

const refused = (id: string, what: string): WaybillError =>
  new WaybillError("CAPABILITY_MISSING", `job "${id}" asks for ${what}`);

export function tooLong(what: string, id: string, asked: number, most: number): WaybillError {
  const text = `"${id}" asks for a ${what} of ${asked} ms, and SQS allows ${most} ms here; ask for less`;
  return new WaybillError("CAPABILITY_MISSING", text);
}
