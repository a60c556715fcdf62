/** Why a request was refused. Stable. The codes of envelopes and of outcomes appear in the same member of a response. */
export type ProblemCode =
  /** Unsigned, tampered with, signed by another key, stale, replayed, or from an IP that is not allowed. Never says which. */
  | "FORBIDDEN"
  /** Neither the endpoint's path nor a carrier's. */
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "BODY_TOO_LARGE"
  | "BODY_TIMEOUT"
  | "BODY_INCOMPLETE"
  /** A parser read the body first and did not keep its bytes. */
  | "BODY_GONE"
  /** The carrier's wrapper is malformed, not the envelope. */
  | "CARRIER_INVALID"
  | "ENCODING_INVALID"
  /** The keys that verify the request could not be fetched. The request may be sent again. */
  | "KEYS_UNAVAILABLE"
  /** The endpoint is at its concurrency limit. */
  | "FULL"
  | "DRAINING"
  /** A job with this id and another body is running here or is stored. */
  | "ID_CONFLICT"
  /** Of an endpoint that stores: another job has its unique key. */
  | "DUPLICATE_JOB"
  /** Of an endpoint that stores: its backend is unavailable, full, or closed by a shutdown. */
  | "BACKEND_UNAVAILABLE"
  | "BACKEND_FULL"
  | "BACKEND_CLOSED"
  /** The whole batch was refused: another content type, an empty line, or too many lines. */
  | "BATCH_INVALID"
  /** The job is dead, and `keepDead` failed to store it. The request may be sent again. */
  | "NOT_KEPT"
  | "INTERNAL";

/** Ends a request without a job. The message is for our own log; the response contains the code, and the message only if `isShown`. */
export class PushRefused extends Error {
  /** Of the response: 400 to 599. */
  readonly status: number;
  readonly code: ProblemCode;
  /** True: the response has the message as `detail`. Only for a sender whose signature has been verified. */
  readonly isShown: boolean;
  constructor(status: number, code: ProblemCode, why: string, isShown = false) {
    super(why);
    this.name = "PushRefused";
    this.status = status;
    this.code = code;
    this.isShown = isShown;
  }
}

/** Refuses a request whose sender is not authenticated. Every reason has the same response, so that a forger learns nothing. */
export function forbidden(why: string): PushRefused {
  return new PushRefused(403, "FORBIDDEN", why);
}
