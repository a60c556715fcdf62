import { member } from "./values/any-value.ts";
import type { ErrorRecord } from "./values/error-record.ts";

const CODES = [
  "ENVELOPE_INVALID",
  "PAYLOAD_INVALID",
  "JOB_UNKNOWN",
  "JOB_TIMEOUT",
  "DEADLINE",
  "JOB_CANCELLED",
  "SHUTDOWN",
  "LEASE_LOST",
  "ID_CONFLICT",
  "DUPLICATE_JOB",
  "CAPABILITY_MISSING",
  "CONFIG_INVALID",
  "BACKEND_UNAVAILABLE",
  "BACKEND_FULL",
  "BACKEND_CLOSED",
  "ENQUEUE_UNKNOWN",
  "NOT_REPLICATED",
  "DEAD_LETTERED",
  "DISCARDED",
  "RETRY_LATER",
  "FORWARDED",
  "JOB_DEAD",
  "RESULT_TIMEOUT",
  "RESULT_EXPIRED",
  "RESULT_UNKNOWN",
] as const;

/** The codes of `WaybillError`. The codes of envelopes are `EnvelopeCode`. */
export type WaybillErrorCode = (typeof CODES)[number];

/**
 * On the prototype of each class of ours: its name. Copies of a package share the symbol, which they do not with a class,
 * and data cannot forge it: JSON has no symbols, and `Object.assign` copies no prototype.
 */
const BRAND = Symbol.for("waybill.error");

/** What `brandOf` returns for an error of such a class. */
export type Brand = "WaybillError" | "RetryLater" | "DeadLetter" | "Discard" | "Forwarded";

/** Brands a class. A subclass without a brand of its own has that of its parent. */
export function brand(type: { readonly prototype: object }, name: Brand): void {
  Object.defineProperty(type.prototype, BRAND, { value: name });
}

/** Returns the brand of an error of ours, from whichever copy of the package; undefined for any other value. */
export function brandOf(value: unknown): unknown {
  return member(value, BRAND);
}

/** The base class of every error of waybill. Match on `code` by `isWaybillError`: `instanceof` fails with two copies of a package. */
export class WaybillError extends Error {
  static {
    brand(this, "WaybillError");
  }
  readonly code: WaybillErrorCode;
  constructor(code: WaybillErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "WaybillError";
    this.code = code;
  }
}

/**
 * The body is not a valid envelope. `envelopeCode` is the code of the spec, `pointer` the JSON pointer of the invalid member,
 * "" for the whole body.
 */
export class EnvelopeError extends WaybillError {
  readonly envelopeCode: string;
  readonly pointer: string;
  constructor(envelopeCode: string, pointer: string, message: string) {
    super("ENVELOPE_INVALID", message);
    this.name = "EnvelopeError";
    this.envelopeCode = envelopeCode;
    this.pointer = pointer;
  }
}

/** The payload does not match its schema, or is not JSON. `enqueue` rejects with it; at execution the job is dead-lettered. */
export class PayloadError extends WaybillError {
  readonly issues: readonly { readonly path: string; readonly message: string }[];
  /** `fault` is the verb of the message. */
  constructor(
    type: string,
    issues: readonly { readonly path: string; readonly message: string }[],
    fault = "does not fit its schema",
  ) {
    const list = issues.map((issue) => `${issue.path || "payload"}: ${issue.message}`).join("; ");
    super("PAYLOAD_INVALID", `the payload of "${type}" ${fault}: ${list}`);
    this.name = "PayloadError";
    this.issues = issues;
  }
}

/**
 * It is unknown whether the job is stored: it was sent to the backend, and no response came in time, or the connection was
 * lost. Enqueue it again with this `id`. Where ids are unique (`capabilities.uniqueIds`) it is then stored once, and
 * `ID_CONFLICT` says that it was stored already; elsewhere it may be stored twice under one id.
 */
export class EnqueueUnknownError extends WaybillError {
  /** The id of the job, made by `enqueue` or given in its options. */
  readonly id: string;
  constructor(id: string, message: string, options?: { cause?: unknown }) {
    super("ENQUEUE_UNKNOWN", message, options);
    this.name = "EnqueueUnknownError";
    this.id = id;
  }
}

/**
 * The job is stored on the primary and may run, but fewer replicas than required confirmed it in time: a failover may lose it.
 * Enqueue it again with this `id`: the id makes it one job, and the call resolves once enough replicas have it.
 */
export class NotReplicatedError extends WaybillError {
  /** The id of the job, made by `enqueue` or given in its options. */
  readonly id: string;
  constructor(id: string, message: string) {
    super("NOT_REPLICATED", message);
    this.name = "NotReplicatedError";
    this.id = id;
  }
}

/**
 * Another job has the unique key. Of `enqueue`: `onConflict` is "reject", or "replace" and the other job has started, and nothing was
 * stored. Of a replay: the job stays a dead letter.
 */
export class DuplicateJobError extends WaybillError {
  /** The id of the job that was not stored, or not replayed. */
  readonly id: string;
  /** The id of the job that has the key. */
  readonly duplicateOf: string;
  constructor(
    id: string,
    duplicateOf: string,
    message = `job "${id}" was not stored: job "${duplicateOf}" has its unique key; enqueue it once the key is free, or set onConflict: "ignore"`,
  ) {
    super("DUPLICATE_JOB", message);
    this.name = "DuplicateJobError";
    this.id = id;
    this.duplicateOf = duplicateOf;
  }
}

/** Why a job died: its code, one sentence, and the error that its handler threw if it threw one. */
interface DeathReason {
  readonly code: string;
  readonly message: string;
  readonly error?: ErrorRecord;
}

/** The job whose result was awaited has died. `reason` has its own code and message, and the error that its handler threw. */
export class JobDeadError extends WaybillError {
  /** The id of the job. */
  readonly id: string;
  readonly reason: DeathReason;
  constructor(id: string, reason: DeathReason) {
    super("JOB_DEAD", `job "${id}" died as ${reason.code}: ${reason.message}`);
    this.name = "JobDeadError";
    this.id = id;
    this.reason = reason;
  }
}

/**
 * Returns whether a value is a `WaybillError`; with a code: one with that code. Errors of another copy of the package count. An
 * error that merely has such a `code` does not count.
 */
export function isWaybillError(value: unknown): value is WaybillError;
export function isWaybillError(value: unknown, code: "ENQUEUE_UNKNOWN"): value is EnqueueUnknownError;
export function isWaybillError(value: unknown, code: "NOT_REPLICATED"): value is NotReplicatedError;
export function isWaybillError(value: unknown, code: "DUPLICATE_JOB"): value is DuplicateJobError;
export function isWaybillError(value: unknown, code: "JOB_DEAD"): value is JobDeadError;
export function isWaybillError<C extends WaybillErrorCode>(
  value: unknown,
  code: C,
): value is WaybillError & { code: C };
export function isWaybillError(value: unknown, code?: WaybillErrorCode): boolean {
  return typeof brandOf(value) === "string" && (code === undefined || member(value, "code") === code);
}
