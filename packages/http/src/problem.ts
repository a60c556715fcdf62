import type { EventBus } from "@waybill/core";
import type { PushAnswer, Push } from "./push.ts";

/** Why a request came to nothing, stable. Codes of envelopes and of outcomes stand beside these in the same member. */
export type ProblemCode =
  /** Unsigned, tampered with, signed by another key, stale, replayed, from a peer that is not allowed, or at a wrong path. Never says which. */
  | "FORBIDDEN"
  /** Neither the door's path nor a carrier's request. */
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "BODY_TOO_LARGE"
  | "BODY_TIMEOUT"
  | "BODY_INCOMPLETE"
  /** The body was read before us, by a parser that did not keep its bytes. */
  | "BODY_GONE"
  /** The carrier's wrapping, not the envelope, is at fault. */
  | "CARRIER_INVALID"
  | "ENCODING_INVALID"
  /** Whoever has the keys that prove the sender did not answer: nothing is said of the job, it may come again. */
  | "KEYS_UNAVAILABLE"
  /** Every place is taken. */
  | "FULL"
  | "DRAINING"
  /** Another body runs here under the same id. */
  | "ID_CONFLICT"
  /** Of a door that stores: its backend is away, full, or closed by a shutdown. */
  | "BACKEND_UNAVAILABLE"
  | "BACKEND_FULL"
  | "BACKEND_CLOSED"
  /** A batch that is not stored in part either: of another type, empty, or of too many lines. */
  | "BATCH_INVALID"
  /** The job will never run, and could not be kept: it may come again. */
  | "NOT_KEPT"
  | "INTERNAL";

/** Ends a request without a job. What `why` says is for our log alone; the sender learns the code. */
export class PushRefused extends Error {
  /** Of the answer: 400 to 599. */
  readonly status: number;
  readonly code: ProblemCode;
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
): PushAnswer {
  const type = `urn:waybill:problem:${code.toLowerCase()}`;
  const members = { type, title, status, code, ...(detail !== null && { detail }) };
  return { status, headers: { "content-type": "application/problem+json", ...headers }, body: JSON.stringify(members) };
}

interface Told {
  readonly title: string;
  /** What it says of the job, to a sender that settles by it: come back after this long, or never. Absent: nothing. */
  readonly comeBackMs?: number;
  readonly dead?: true;
  /** What is left on the connection is not worth reading, or nobody is to use it again. */
  readonly closes?: true;
}

const TOLD: Readonly<Record<ProblemCode, Told>> = {
  FORBIDDEN: { title: "Forbidden" },
  NOT_FOUND: { title: "There is nothing here" },
  METHOD_NOT_ALLOWED: { title: "Jobs are POSTed" },
  BODY_TOO_LARGE: { title: "The body is larger than is taken here", closes: true },
  BODY_TIMEOUT: { title: "The body did not arrive in time", comeBackMs: 1_000, closes: true },
  BODY_INCOMPLETE: { title: "The body broke off", comeBackMs: 1_000, closes: true },
  BODY_GONE: { title: "The body was read by something else first" },
  CARRIER_INVALID: { title: "What the job is wrapped in is not well-formed", dead: true },
  ENCODING_INVALID: { title: "The body is not UTF-8", dead: true },
  KEYS_UNAVAILABLE: { title: "Who sent this could not be checked now; come back", comeBackMs: 5_000 },
  FULL: { title: "Every place is taken; come back", comeBackMs: 1_000 },
  DRAINING: { title: "This process is shutting down; come back", comeBackMs: 1_000, closes: true },
  ID_CONFLICT: { title: "Another body runs here under this id", dead: true },
  BACKEND_UNAVAILABLE: { title: "The job could not be stored now; come back", comeBackMs: 5_000 },
  BACKEND_FULL: { title: "There is no room to store the job; come back", comeBackMs: 5_000 },
  BACKEND_CLOSED: { title: "This process is shutting down; come back", comeBackMs: 1_000, closes: true },
  BATCH_INVALID: { title: "The batch was not taken, in part neither" },
  NOT_KEPT: { title: "The job will not run and could not be kept; come back", comeBackMs: 5_000 },
  INTERNAL: { title: "The receiver failed" },
};

/** What was refused, as the sender sees it: the code, and nothing of why. */
export function refusal({ status, code }: PushRefused): PushAnswer {
  const { title, comeBackMs, dead, closes } = TOLD[code];
  return problem(status, code, title, null, {
    ...(dead && { "waybill-outcome": "dead", "waybill-reason": code }),
    // Without a reason, since it is not the job's.
    ...(comeBackMs !== undefined && { "waybill-outcome": "release", ...later(comeBackMs) }),
    ...(closes && { connection: "close" }),
    ...(code === "METHOD_NOT_ALLOWED" && { allow: "POST" }),
  });
}

/** Why, to us alone. */
export function tellRefused(events: EventBus, { peer, path }: Push, { status, code, message }: Refused): void {
  if (events.has("push_refused")) events.emit("push_refused", { status, code, message, peer, path });
}

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Retry-After knows whole seconds; rounded down, a short wait would be none. */
export function later(delayMs: number): Record<string, string> {
  return { "retry-after": String(Math.ceil(delayMs / 1_000)), "waybill-delay-ms": String(Math.ceil(delayMs)) };
}
