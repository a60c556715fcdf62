import { member } from "./thrown.ts";

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
  "CAPABILITY_MISSING",
  "CONFIG_INVALID",
  "BACKEND_UNAVAILABLE",
  "BACKEND_FULL",
  "BACKEND_CLOSED",
  "ENQUEUE_UNKNOWN",
  "DISCARD",
  "RETRY_LATER",
  "RAN_ELSEWHERE",
] as const;

/** Codes of this process. Codes of envelopes are a list of their own: `EnvelopeCode`. */
export type WaybillErrorCode = (typeof CODES)[number];

/**
 * On the prototype of each class of ours: its name. Copies of a package share the symbol, which they do not with a class,
 * and data cannot forge it: JSON has no symbols, and `Object.assign` copies no prototype.
 */
const BRAND = Symbol.for("waybill.error");

/** What `brandOf` returns for an error of such a class. */
export type Brand = "WaybillError" | "RetryLater" | "Discard" | "RanElsewhere";

/** Brands a class. A subclass without a brand of its own has that of its parent. */
export function brand(type: { readonly prototype: object }, name: Brand): void {
  Object.defineProperty(type.prototype, BRAND, { value: name });
}

/** Returns the brand of an error of ours, from whichever copy of the package; undefined for any other value. */
export function brandOf(value: unknown): unknown {
  return member(value, BRAND);
}

/** Every error of ours. Match on `code`, by `isWaybillError`: two copies of a package break `instanceof`. */
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
 * The body is not an envelope. `envelopeCode` is the spec's stable code, `pointer` the member at fault ("" is the
 * whole).
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

/** The payload fails its schema. At enqueue the caller gets it; at execution the job is dead-lettered. */
export class PayloadError extends WaybillError {
  readonly issues: readonly { readonly path: string; readonly message: string }[];
  constructor(type: string, issues: readonly { readonly path: string; readonly message: string }[]) {
    const list = issues.map((issue) => `${issue.path || "payload"}: ${issue.message}`).join("; ");
    super("PAYLOAD_INVALID", `the payload of "${type}" does not fit its schema: ${list}`);
    this.name = "PayloadError";
    this.issues = issues;
  }
}

/**
 * Whether the job is stored is unknown: it was handed to the backend, and no answer came in time, or the connection was
 * lost. Enqueue it again with this `id`: where ids are unique (`capabilities.uniqueIds`) it is then stored once, and
 * `ID_CONFLICT` says that it was there already; elsewhere it may be stored twice, under one id.
 */
export class EnqueueUnknownError extends WaybillError {
  /** The job's id, made by `enqueue` or given in its options. */
  readonly id: string;
  constructor(id: string, message: string, options?: { cause?: unknown }) {
    super("ENQUEUE_UNKNOWN", message, options);
    this.name = "EnqueueUnknownError";
    this.id = id;
  }
}

/**
 * Returns whether an error is ours, and of this code if one is given. Errors of another copy of the package count. An error
 * that only has such a `code` does not: that may be data.
 */
export function isWaybillError(value: unknown): value is WaybillError;
export function isWaybillError(value: unknown, code: "ENQUEUE_UNKNOWN"): value is EnqueueUnknownError;
export function isWaybillError<C extends WaybillErrorCode>(
  value: unknown,
  code: C,
): value is WaybillError & { code: C };
export function isWaybillError(value: unknown, code?: WaybillErrorCode): boolean {
  return typeof brandOf(value) === "string" && (code === undefined || member(value, "code") === code);
}
