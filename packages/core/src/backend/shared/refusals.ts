import { DuplicateJobError, isWaybillError, WaybillError } from "../../errors.ts";
import type { Capabilities } from "../capabilities.ts";
import type { DeadReason, Message } from "../contract.ts";

/**
 * Returns the `LEASE_LOST` error of a settle. `because` says why the lease has ended, where that is known. Never throws.
 */
export function leaseLost(id: string, because = "it ran out or was settled"): WaybillError {
  return new WaybillError("LEASE_LOST", `the lease on job "${id}" is no longer ours: ${because}`);
}

/** Returns the `ID_CONFLICT` error of a job whose id is stored with another body. Never throws. */
export function idConflict(id: string): WaybillError {
  const message = `job "${id}" is already there with another body; give the new job an id of its own`;
  return new WaybillError("ID_CONFLICT", message);
}

/**
 * Returns the `DUPLICATE_JOB` error of a job whose unique key another has: of a dead letter that a replay leaves one, or of a job that
 * becomes one since it was not enqueued by a call that could be refused. Never throws.
 */
export function keyTaken(id: string, duplicateOf: string, not: "stored" | "replayed" | "run"): DuplicateJobError {
  const why = `job "${id}" was not ${not}: job "${duplicateOf}" has its unique key`;
  return new DuplicateJobError(id, duplicateOf, `${why}; replay the dead letter once the key is free`);
}

/** Returns why a message that another program left for the backend becomes a dead letter. `error` is that of its enqueue. Never throws. */
export function arrivalRefused(error: WaybillError): DeadReason {
  const isTaken = isWaybillError(error, "DUPLICATE_JOB");
  const { code, message } = isTaken ? keyTaken(error.id, error.duplicateOf, "stored") : error;
  return { code, message };
}

/** Returns the `CAPABILITY_MISSING` error of a time that is longer than a backend's limit, in milliseconds. Never throws. */
export function tooLong(
  what: "delay" | "retry delay" | "lease",
  id: string,
  asked: number,
  most: number,
): WaybillError {
  const message = `job "${id}" asks for a ${what} of ${asked} ms, and this backend allows ${most} ms; ask for less`;
  return new WaybillError("CAPABILITY_MISSING", message);
}

/** The limits that messages are checked against. */
export type MessageLimits = Pick<
  Capabilities,
  "maxDelayMs" | "priorityLevels" | "maxBodyBytes" | "maxBatch" | "maxBatchBytes"
>;

/**
 * Checks the messages of one `enqueue` call, one after the other. The function that it returns gives the `CAPABILITY_MISSING`
 * error of a message that exceeds a limit, or null: such a message is refused alone, and nothing is cut to fit. Never throws.
 */
export function createLimitCheck(limits: MessageLimits): (message: Message) => WaybillError | null {
  let count = 0;
  let bytes = 0;
  return (message) => {
    count += 1;
    if (limits.maxBatchBytes !== Infinity) bytes += Buffer.byteLength(message.body);
    if (count > limits.maxBatch || bytes > limits.maxBatchBytes) return beyondBatch(message.id, limits);
    return excessOf(message, limits);
  };
}

function excessOf(message: Message, { maxDelayMs, priorityLevels, maxBodyBytes }: MessageLimits): WaybillError | null {
  if (message.delayMs > maxDelayMs) return tooLong("delay", message.id, message.delayMs, maxDelayMs);
  if (message.priority !== 0 && priorityLevels <= 1) {
    return new WaybillError(
      "CAPABILITY_MISSING",
      `job "${message.id}" asks for priority ${message.priority}, and this backend has none; use one queue per priority`,
    );
  }
  const bytes = bytesOver(message.body, maxBodyBytes);
  if (bytes === 0) return null;
  return new WaybillError(
    "CAPABILITY_MISSING",
    `the body of job "${message.id}" has ${bytes} bytes, the limit is ${maxBodyBytes}; store the data elsewhere and enqueue a reference`,
  );
}

function beyondBatch(id: string, { maxBatch, maxBatchBytes }: MessageLimits): WaybillError {
  const most = maxBatchBytes === Infinity ? `${maxBatch} messages` : `${maxBatch} messages, ${maxBatchBytes} bytes`;
  return new WaybillError("CAPABILITY_MISSING", `job "${id}" is beyond what one call takes: ${most}; split the batch`);
}

/** The size of the body if it is over `most`, else 0. UTF-8 takes at most three bytes a UTF-16 unit: most need no count. */
function bytesOver(body: string, most: number): number {
  if (body.length * 3 <= most) return 0;
  const bytes = Buffer.byteLength(body);
  return bytes > most ? bytes : 0;
}
