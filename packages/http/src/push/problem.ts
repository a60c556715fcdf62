import type { ErrorRecord, EventBus } from "@waybill/core";
import type { ProblemCode, PushRefused } from "./push-refused.ts";
import type { PushRequest } from "./push-request.ts";
import type { PushResponse } from "./push-response.ts";

const PROBLEM = "application/problem+json";

/**
 * Returns a response with problem details (RFC 9457). `about` adds `detail` and `error`; null leaves them out, for requests
 * whose sender is not authenticated.
 */
export function problem(
  status: number,
  code: string,
  title: string,
  about: { readonly detail: string; readonly error?: ErrorRecord } | null,
  headers: Readonly<Record<string, string>> = {},
): PushResponse {
  const type = `urn:waybill:problem:${/^[\w.-]{1,128}$/.test(code) ? code.toLowerCase() : "other"}`;
  const members = { type, title, status, code, ...about };
  return { status, headers: { "content-type": PROBLEM, ...headers }, body: JSON.stringify(members) };
}

/**
 * Returns the response with its status in the problem's body, as RFC 9457 requires. They differ when a carrier has replaced
 * the status. Returns anything else unchanged.
 */
export function withStatusInBody(response: PushResponse): PushResponse {
  if (response.headers["content-type"] !== PROBLEM) return response;
  try {
    const members = JSON.parse(response.body) as { readonly status?: unknown };
    if (members.status === undefined || members.status === response.status) return response;
    return { ...response, body: JSON.stringify({ ...members, status: response.status }) };
  } catch {
    return response; // a carrier from another package wrote it
  }
}

interface ProblemText {
  readonly title: string;
  /** The outcome for a sender that settles by it: release for this long, or dead. Omitted: the response says nothing of the job. */
  readonly releaseMs?: number;
  readonly dead?: true;
  /** Closes the connection: the rest of its bytes is not read, or the process is shutting down. */
  readonly closes?: true;
}

const PROBLEMS: Readonly<Record<ProblemCode, ProblemText>> = {
  FORBIDDEN: { title: "Forbidden" },
  NOT_FOUND: { title: "There is no endpoint at this path" },
  METHOD_NOT_ALLOWED: { title: "Send jobs by POST" },
  BODY_TOO_LARGE: { title: "The body is larger than the limit", closes: true },
  BODY_TIMEOUT: { title: "The body did not arrive in time", releaseMs: 1_000, closes: true },
  BODY_INCOMPLETE: { title: "The body is incomplete", releaseMs: 1_000, closes: true },
  BODY_GONE: { title: "The body was read before the endpoint got it" },
  CARRIER_INVALID: { title: "The request is not a valid wrapping of its job", dead: true },
  ENCODING_INVALID: { title: "The body is not UTF-8", dead: true },
  KEYS_UNAVAILABLE: { title: "The signature cannot be verified now; retry", releaseMs: 5_000 },
  FULL: { title: "The endpoint is at its concurrency limit; retry", releaseMs: 1_000 },
  DRAINING: { title: "This process is shutting down; retry", releaseMs: 1_000, closes: true },
  ID_CONFLICT: { title: "A job with this id and another body is running", dead: true },
  DUPLICATE_JOB: { title: "Another job has its unique key", dead: true },
  BACKEND_UNAVAILABLE: { title: "The job cannot be stored now; retry", releaseMs: 5_000 },
  BACKEND_FULL: { title: "The queue is full; retry", releaseMs: 5_000 },
  BACKEND_CLOSED: { title: "This process is shutting down; retry", releaseMs: 1_000, closes: true },
  BATCH_INVALID: { title: "The batch was refused; none of it is stored" },
  NOT_KEPT: { title: "The job is dead and could not be stored; retry", releaseMs: 5_000 },
  INTERNAL: { title: "The endpoint failed" },
};

/** Returns the response for a refused request: the code, and the reason only for a sender that may read it. */
export function refusal({ status, code, message, isShown }: PushRefused): PushResponse {
  const { title, releaseMs, dead, closes } = PROBLEMS[code];
  return problem(status, code, title, isShown ? { detail: message } : null, {
    ...(dead && { "waybill-outcome": "dead", "waybill-reason": code }),
    // Without waybill-reason: the release has no reason in the job.
    ...(releaseMs !== undefined && { "waybill-outcome": "release", ...retryAfter(releaseMs) }),
    ...(closes && { connection: "close" }),
    ...(code === "METHOD_NOT_ALLOWED" && { allow: "POST" }),
  });
}

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Emits `push_refused` with the reason, which the response does not contain. */
export function emitRefused(events: EventBus, { peer, path }: PushRequest, { status, code, message }: Refused): void {
  if (events.has("push_refused")) events.emit("push_refused", { status, code, message, peer, path });
}

/** Returns the headers for a delay. Retry-After has whole seconds, rounded up: a short delay must not become none. */
export function retryAfter(delayMs: number): Record<string, string> {
  return { "retry-after": String(Math.ceil(delayMs / 1_000)), "waybill-delay-ms": String(Math.ceil(delayMs)) };
}
