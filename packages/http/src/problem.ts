import type { Answer } from "./push.ts";

/** Why a request came to nothing, stable. Codes of envelopes and of outcomes stand beside these in the same member. */
export type ProblemCode =
  /** Unsigned, tampered with, signed by another key, stale, replayed, from a peer that is not allowed, or at a wrong path. Never says which. */
  | "FORBIDDEN"
  | "METHOD_NOT_ALLOWED"
  | "BODY_TOO_LARGE"
  | "BODY_TIMEOUT"
  | "BODY_INCOMPLETE"
  /** The body was read before us, by a parser that did not keep its bytes. */
  | "BODY_GONE"
  /** The carrier's wrapping, not the envelope, is at fault. */
  | "CARRIER_INVALID"
  | "ENCODING_INVALID"
  /** What a proof is checked against could not be fetched; nobody was refused. */
  | "KEYS_UNAVAILABLE"
  /** Every place is taken. */
  | "FULL"
  | "DRAINING"
  /** Another body runs here under the same id. */
  | "ID_CONFLICT"
  | "INTERNAL";

/** Ends a request without a job. What `why` says is for our log alone; the sender learns the code. */
export class PushRefused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: ProblemCode, why: string) {
    super(why);
    this.name = "PushRefused";
    this.status = status;
    this.code = code;
  }
}

/** For everything about who sent it: one answer, so that a forger learns nothing. */
export function forbidden(why: string): PushRefused {
  return new PushRefused(403, "FORBIDDEN", why);
}

/** Problem details, RFC 9457. `detail` is left out where the sender has proved nothing. */
export function problem(
  status: number,
  code: string,
  title: string,
  detail: string | null,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const type = `urn:waybill:problem:${code.toLowerCase()}`;
  const members = { type, title, status, code, ...(detail !== null && { detail }) };
  return { status, headers: { "content-type": "application/problem+json", ...headers }, body: JSON.stringify(members) };
}

const TITLES: Readonly<Record<ProblemCode, string>> = {
  FORBIDDEN: "Forbidden",
  METHOD_NOT_ALLOWED: "Jobs are POSTed",
  BODY_TOO_LARGE: "The body is larger than this receiver takes",
  BODY_TIMEOUT: "The body did not arrive in time",
  BODY_INCOMPLETE: "The body broke off",
  BODY_GONE: "The body was read by something before the receiver",
  CARRIER_INVALID: "What the job is wrapped in is not well-formed",
  ENCODING_INVALID: "The body is not UTF-8",
  KEYS_UNAVAILABLE: "Who sent this could not be checked now; come back",
  FULL: "Every place is taken; come back",
  DRAINING: "This process is shutting down; come back",
  ID_CONFLICT: "Another body runs here under this id",
  INTERNAL: "The receiver failed",
};

export function refusal(refused: PushRefused, headers: Readonly<Record<string, string>> = {}): Answer {
  return problem(refused.status, refused.code, TITLES[refused.code as ProblemCode] ?? "Refused", null, headers);
}
