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
  "DISCARD",
  "RETRY_LATER",
  "RAN_ELSEWHERE",
] as const;

/** Codes of this process. Codes of envelopes are a list of their own: `EnvelopeCode`. */
export type WaybillErrorCode = (typeof CODES)[number];

/** Every error of ours. Match on `code`, by `isWaybillError`: two copies of a package break `instanceof`. */
export class WaybillError extends Error {
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

/** Whether an error is ours, and of this code. Any code, if none is given; whichever copy of the package made it. */
export function isWaybillError(value: unknown): value is WaybillError;
export function isWaybillError<C extends WaybillErrorCode>(
  value: unknown,
  code: C,
): value is WaybillError & { code: C };
export function isWaybillError(value: unknown, code?: WaybillErrorCode): boolean {
  if (!(value instanceof Error) || !("code" in value) || typeof value.code !== "string") return false;
  return code === undefined ? (CODES as readonly string[]).includes(value.code) : value.code === code;
}

/** Any thrown value as an Error, so that code past a `catch` has one shape to read. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
