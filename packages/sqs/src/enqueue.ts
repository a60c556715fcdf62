import { type Result, type Receipt, WaybillError } from "@waybill/core";
import { type Backend, type Capabilities, createLimitCheck, type Message, notStored } from "@waybill/core/backend";
import type { Batches, Outgoing } from "./client/batches.ts";
import { sqsError } from "./errors.ts";
import { sizeOf } from "./message/attributes.ts";
import { groupOf, historyAttributes, INITIAL, labelAttributes, toWire } from "./message/label.ts";
import type { Settings } from "./options.ts";
import type { Queue, Queues } from "./queues/queues.ts";

export function createEnqueue(
  settings: Settings,
  capabilities: Capabilities,
  queues: Queues,
  batches: Batches,
): Backend["enqueue"] {
  // The limits of a call are those of SQS's requests, which `batches` keeps by itself.
  const limits = { ...capabilities, maxBatch: Infinity, maxBatchBytes: Infinity };

  async function send(message: Message, refusal: WaybillError | null): Promise<Result<Receipt>> {
    if (refusal !== null) return { ok: false, error: refusal };
    const { id } = message;
    try {
      const queue = await queues.find(message.queue);
      const result = await batches.send(queue.url, outgoingOf(message, queue, settings));
      return result.ok ? { ok: true, value: { id, stored: true } } : result;
    } catch (thrown) {
      // A missing queue, or a refusal: the other messages are sent all the same.
      return { ok: false, error: notStored(sqsError(thrown, `finding the queue of job "${id}"`, "open")) };
    }
  }

  return (messages) => {
    const refusalOf = createLimitCheck(limits);
    return Promise.all(messages.map((message) => send(message, refusalOf(message))));
  };
}

const DAY_MS = 86_400_000;

/** Throws CAPABILITY_MISSING for a message that SQS would refuse, cut or lose. */
function outgoingOf(message: Message, queue: Queue, settings: Settings): Outgoing {
  const { id, body, delayMs, type, tenant } = message;
  const { fifo, ownAttributes } = settings;
  if (fifo && delayMs > 0 && delayMs > queue.retentionMs - DAY_MS) {
    throw refused(
      id,
      `a delay of ${delayMs} ms, and "${queue.name}" deletes messages after ${queue.retentionMs} ms; raise its MessageRetentionPeriod`,
    );
  }
  if (/\p{Surrogate}/u.test(`${body}${id}${type}${tenant ?? ""}`)) {
    throw refused(id, "half a surrogate pair, which is not valid text; write it as a JSON escape");
  }
  const { text, encoding } = toWire(body);
  const dueAt = delayMs > 0 ? Date.now() + delayMs : null;
  const history = historyAttributes({ ...INITIAL, dueAt });
  const attributes = { ...ownAttributes, ...labelAttributes(message), ...history, ...encoding };
  if (sizeOf(text, attributes) > queue.maxBytes) {
    throw refused(
      id,
      `more than the ${queue.maxBytes} bytes that "${queue.name}" accepts; raise its MaximumMessageSize`,
    );
  }
  return {
    job: id,
    text,
    attributes,
    delaySeconds: fifo ? 0 : Math.ceil(delayMs / 1_000),
    group: fifo || tenant !== null ? groupOf(message) : null,
    dedupe: fifo ? groupOf({ id, tenant: null }) : null,
  };
}

const refused = (id: string, what: string): WaybillError =>
  new WaybillError("CAPABILITY_MISSING", `job "${id}" asks for ${what}`);
