import type { Envelope } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Message } from "./contract.ts";
import { assertSupported } from "./needs.ts";

/**
 * Returns the message as the backend can take it: a longer delay than its own is cut, since core releases the job again
 * until its time. Throws `CAPABILITY_MISSING` for a size, a priority, a delay or a unique key that the backend refuses.
 * `maxBodyBytes` is the program's own limit in bytes of UTF-8; Infinity for none.
 */
export function withinLimits(
  message: Message,
  { dedupe }: Envelope,
  maxBodyBytes: number,
  capabilities: Capabilities,
): Message {
  const asker = `job "${message.id}" of type "${message.type}"`;
  const bytes = bytesIfNear(message.body, Math.min(maxBodyBytes, capabilities.maxBodyBytes));
  if (bytes > maxBodyBytes) {
    const remedy = `store the data elsewhere and enqueue a reference; the limit is ${maxBodyBytes} bytes`;
    throw new WaybillError("CAPABILITY_MISSING", `${asker} has ${bytes} bytes: ${remedy}`);
  }
  if (bytes > 0) assertSupported({ kind: "bodyBytes", bytes }, capabilities, asker);
  if (message.priority !== 0) assertSupported({ kind: "priority" }, capabilities, asker);
  if (dedupe) assertSupported({ kind: "dedupe" }, capabilities, asker);
  return withDelay(withoutKeys(message, capabilities), capabilities, asker);
}

/** A backend that keeps no concurrency keys is given none: core counts them in the ledger. */
export function withoutKeys(message: Message, { keyConcurrency }: Capabilities): Message {
  if (keyConcurrency === true || message.limitKeys === undefined) return message;
  const { limitKeys: _, ...rest } = message;
  return rest;
}

function withDelay(message: Message, capabilities: Capabilities, asker: string): Message {
  const { delayMs } = message;
  if (delayMs === 0) return message;
  assertSupported({ kind: "delay", delayMs }, capabilities, asker);
  return { ...message, delayMs: Math.min(delayMs, capabilities.maxDelayMs) };
}

/** Bytes of UTF-8; 0, without counting, for a text that cannot have more than `limit`. */
function bytesIfNear(text: string, limit: number): number {
  return text.length * 3 > limit ? Buffer.byteLength(text) : 0;
}
