import type { Message } from "../backend.ts";
import type { Capabilities } from "../capabilities.ts";
import { WaybillError } from "../errors.ts";

/** What this process can hold in memory: everything but durability. */
export const memoryCapabilities: Capabilities = {
  maxDelayMs: Infinity,
  maxRetryDelayMs: Infinity,
  leasesWhenDue: true,
  priorityLevels: 201,
  maxBodyBytes: 1_048_576,
  maxBatch: 1_000,
  maxBatchBytes: Infinity,
  maxInFlight: Infinity,
  maxLeaseMs: Infinity,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: true,
  durable: false,
};

/**
 * Judges the messages of one `enqueue` call, one after the other: why this one goes beyond the declared limits,
 * or null when it does not. Nothing is ever cut to fit.
 */
export function createGate(has: Capabilities): (message: Message) => WaybillError | null {
  let count = 0;
  let bytes = 0;
  return (message) => {
    count += 1;
    if (has.maxBatchBytes !== Infinity) bytes += Buffer.byteLength(message.body);
    if (count > has.maxBatch || bytes > has.maxBatchBytes) return tooMany(message.id, has);
    return excessOf(message, has);
  };
}

function excessOf(message: Message, has: Capabilities): WaybillError | null {
  if (message.delayMs > has.maxDelayMs) return tooLong("delay", message.id, message.delayMs, has.maxDelayMs);
  if (message.priority !== 0 && has.priorityLevels <= 1) {
    return new WaybillError(
      "CAPABILITY_MISSING",
      `job "${message.id}" asks for priority ${message.priority}, and this backend has none; use one queue per priority`,
    );
  }
  const bytes = bytesOver(message.body, has.maxBodyBytes);
  if (bytes === 0) return null;
  return new WaybillError(
    "CAPABILITY_MISSING",
    `the body of job "${message.id}" has ${bytes} bytes, the limit is ${has.maxBodyBytes}; store the data elsewhere and enqueue a reference`,
  );
}

export function tooLong(what: "delay" | "retry delay" | "lease", id: string, asked: number, max: number): WaybillError {
  const message = `job "${id}" asks for a ${what} of ${asked} ms, and this backend allows ${max} ms; ask for less`;
  return new WaybillError("CAPABILITY_MISSING", message);
}

function tooMany(id: string, { maxBatch, maxBatchBytes }: Capabilities): WaybillError {
  const message = `job "${id}" is beyond what one call takes: ${maxBatch} messages, ${maxBatchBytes} bytes; split the batch`;
  return new WaybillError("CAPABILITY_MISSING", message);
}

/** The size of the body if it is over `max`, else 0. UTF-8 takes at most three bytes a UTF-16 unit: most need no count. */
function bytesOver(body: string, max: number): number {
  if (body.length * 3 <= max) return 0;
  const bytes = Buffer.byteLength(body);
  return bytes > max ? bytes : 0;
}
