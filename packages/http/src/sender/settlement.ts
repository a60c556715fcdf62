import type { DeadReason, Outcome } from "@waybill/core";
import { parseError } from "@waybill/core/backend";
import { LEAST_RELEASE_MS } from "@waybill/core/endpoint";
import { header } from "../push/push-request.ts";
import { OUTCOME_HEADER, type Reply } from "./http-exchange.ts";

/** What a reply means for the job that was sent. Switches over it have no default. */
export type Settlement =
  /** The receiver returned the job's outcome. */
  | { readonly kind: "decided"; readonly outcome: Outcome }
  /** An application without waybill failed at the job: an attempt is spent, and the job's retry policy applies. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** The receiver has not processed the job: it cannot be reached, is full, or refuses the sender. No attempt is spent. */
  | {
      readonly kind: "undelivered";
      /** The delay that the receiver asked for; null if it did not. */
      readonly delayMs: number | null;
      readonly code: string;
      readonly message: string;
      readonly status: number | null;
      /** True: a setting is wrong or the receiver is away. False: it is full or shutting down, which passes. */
      readonly isTrouble: boolean;
    }
  /** The receiver may have processed the job, and its process may have ended. */
  | { readonly kind: "lost"; readonly code: string; readonly message: string; readonly status: number | null };

/** Without an outcome header these are about the key, the path or the size: a setting is wrong, and the job waits. */
const NOT_FOR_THE_JOB: ReadonlySet<number> = new Set([401, 403, 404, 405, 406, 407, 411, 413, 414, 415, 421, 426, 431]);
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429]);
/** From a proxy without an application behind it. */
const UNAVAILABLE = 503;
/** From a proxy whose application closed the connection or took too long: its process may have ended. */
const GONE: ReadonlySet<number> = new Set([502, 504]);
/** Longest delay of a job's own retry or release, so that no response delays a job for ever. */
const MAX_DELAY_MS = 7 * 86_400_000;
/** Longest delay of a job that was not processed: the receiver may be free long before. */
const MAX_UNDELIVERED_MS = 3_600_000;

/** In characters. */
const MAX_CODE_LENGTH = 128;

/** Returns what a reply to a POST means for the job. `to` appears in its message. */
export function settlementOf(reply: Reply, to: string): Settlement {
  switch (reply.kind) {
    case "unreachable":
      return unreachable(reply, to);
    case "no_response":
      return { kind: "lost", code: "RECEIVER_LOST", message: `${to} had the job, and ${reply.message}`, status: null };
    case "responded":
      return ofResponse(reply, to);
  }
}

/** Returns the settlement of a job that was not sent, because the receiver is not running. */
export function unreachable(reply: Reply, to: string): Settlement {
  const status = reply.kind === "responded" ? reply.status : null;
  const why = reply.kind === "responded" ? `it answers ${reply.status}` : reply.message;
  const message = `${to} cannot be reached: ${why}`;
  return { kind: "undelivered", delayMs: null, code: "RECEIVER_UNREACHABLE", message, status, isTrouble: true };
}

/** Returns true for a reply that only a running application can send. */
export function provesLife(reply: Reply): boolean {
  return reply.kind === "responded" && reply.status !== UNAVAILABLE && !GONE.has(reply.status);
}

type Responded = Extract<Reply, { readonly kind: "responded" }>;

function ofResponse(reply: Responded, to: string): Settlement {
  const { status, headers, whole } = reply;
  const reason = reasonIn(reply, to);
  const { code, message } = reason;
  const outcome = header(headers, OUTCOME_HEADER);
  const asked = delayIn(reply);
  const delayMs = within(asked ?? 0, MAX_DELAY_MS);
  const later = { delayMs: asked === null ? null : within(asked, MAX_UNDELIVERED_MS), code, message, status } as const;
  switch (outcome) {
    case "completed":
      return { kind: "decided", outcome: { kind: "completed" } };
    case "retry":
      return { kind: "decided", outcome: { ...retryOf(reason), delayMs } };
    case "release":
      // A job's own release has a reason header. Without one the receiver is full or shutting down.
      if (header(headers, "waybill-reason") === null) return { kind: "undelivered", ...later, isTrouble: false };
      return { kind: "decided", outcome: { kind: "release", delayMs, reason } };
    case "dead": {
      const kept = header(headers, "waybill-kept") !== "false";
      return { kind: "decided", outcome: { kind: "dead", reason, kept } };
    }
    case null:
      break;
    // An outcome of a receiver newer than this sender: its meaning is unknown.
    default:
      return { kind: "undelivered", ...later, isTrouble: true };
  }
  if (NOT_NOW.has(status)) return { kind: "undelivered", ...later, isTrouble: false };
  if (GONE.has(status)) return { kind: "lost", code: "RECEIVER_LOST", message, status };
  const isRedirect = status >= 300 && status < 400;
  if (status < 200 || isRedirect || status === UNAVAILABLE || NOT_FOR_THE_JOB.has(status) || isWaybillProblem(reply)) {
    return { kind: "undelivered", ...later, isTrouble: true };
  }
  if (!whole) return { kind: "lost", code: "RECEIVER_LOST", message: `${message}, and broke off`, status };
  if (status < 300) return { kind: "decided", outcome: { kind: "completed" } };
  return { kind: "failed", code, message };
}

function retryOf(reason: DeadReason): Pick<Extract<Outcome, { kind: "retry" }>, "kind" | "reason" | "error"> {
  const error = Object.assign(new Error(reason.message), { code: reason.code });
  return { kind: "retry", reason, error };
}

/** Returns the delay of `waybill-delay-ms`, else of Retry-After in seconds or as a date; null if there is neither. */
function delayIn({ headers }: Responded): number | null {
  const exact = header(headers, "waybill-delay-ms");
  if (exact !== null && /^\d{1,12}$/.test(exact)) return Number(exact);
  const after = header(headers, "retry-after");
  if (after === null) return null;
  const ms = /^\d{1,9}$/.test(after) ? Number(after) * 1_000 : httpDate(after) - Date.now();
  return Number.isNaN(ms) ? null : ms;
}

function within(delayMs: number, maxMs: number): number {
  return Math.min(Math.max(delayMs, LEAST_RELEASE_MS), maxMs);
}

/** `Date.parse` alone would accept "-1". */
function httpDate(text: string): number {
  return text.endsWith(" GMT") ? Date.parse(text) : Number.NaN;
}

const PROBLEM = "urn:waybill:problem:";

/**
 * Returns true for a refusal by a waybill endpoint, which has processed no job. No such refusal has a reason: a problem
 * with one is of a receiver that ran the job and leaves its retries to the sender.
 */
function isWaybillProblem({ headers, body }: Responded): boolean {
  return header(headers, "waybill-reason") === null && String(membersOf(body)["type"] ?? "").startsWith(PROBLEM);
}

function reasonIn({ status, headers, body }: Responded, to: string): DeadReason {
  const { type, code, detail, error } = membersOf(body);
  const isOurs = typeof type === "string" && type.startsWith(PROBLEM);
  const named = header(headers, "waybill-reason") ?? (isOurs && typeof code === "string" ? code : null);
  const isAboutJob = header(headers, OUTCOME_HEADER) !== null && isOurs && typeof detail === "string";
  const thrown = isAboutJob ? parseError(error) : null;
  return {
    code: named?.slice(0, MAX_CODE_LENGTH) ?? `HTTP_${status}`,
    ...(thrown && { error: thrown }),
    message: isAboutJob
      ? detail.slice(0, 2_000)
      : `${to} answered ${status}${named === null ? "" : ` ${named.slice(0, MAX_CODE_LENGTH)}`}${cureText(status, isOurs, headers)}`,
  };
}

/** Says what to look at where a receiver of ours refuses the sender; it never says why in its response. */
function cureText(status: number, isOurs: boolean, headers: Responded["headers"]): string {
  const clock = clockText(status, headers);
  if (clock !== "" || status !== 403 || !isOurs) return clock;
  return "; its log says why: compare WAYBILL_KEYS here and there";
}

/** Above this a difference of the clocks is named: receivers allow 300 s by default. */
const CLOCKS_DIFFER_MS = 60_000;

/** Says how far the receiver's clock is from this one where that may be why it refuses the signature, which it never says itself. */
function clockText(status: number, headers: Responded["headers"]): string {
  const aheadMs = status === 403 ? httpDate(header(headers, "date") ?? "") - Date.now() : Number.NaN;
  if (!(Math.abs(aheadMs) > CLOCKS_DIFFER_MS)) return "";
  const how = `${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? "ahead of" : "behind"}`;
  return `; its clock is ${how} this machine's, and it refuses a signature that is older or newer than its tolerance, 300 s by default: set the clock that is wrong`;
}

/** Returns no members for a body that is incomplete or no JSON: the status then decides alone. */
function membersOf(body: string): Readonly<Record<string, unknown>> {
  if (!body.startsWith("{")) return {};
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
