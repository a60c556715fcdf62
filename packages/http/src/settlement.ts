import type { Outcome } from "@waybill/core";
import { LEAST_RELEASE_MS } from "@waybill/core/door";
import { header } from "./push.ts";
import { OUTCOME_HEADER, type Reply } from "./sender-request.ts";

/** What a reply means for the job it was about. Switched on without a default. */
export type Settlement =
  /** What became of the job, said by its receiver. */
  | { readonly kind: "decided"; readonly outcome: Outcome }
  /** An application that knows nothing of waybill failed at it: an attempt is spent, the next follows the job's policy. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** Nobody has looked at the job: no way there, no place, no leave. Whatever it is, it is not the job's fault. */
  | {
      readonly kind: "undelivered";
      /** As the other end asked; null when it did not say. */
      readonly delayMs: number | null;
      readonly code: string;
      readonly message: string;
      readonly status: number | null;
      /** True: it takes a person to mend, or a process to come back. False: full or draining, which passes. */
      readonly isTrouble: boolean;
    }
  /** Somebody may have had it, and may be gone with it. */
  | { readonly kind: "lost"; readonly code: string; readonly message: string; readonly status: number | null };

/** Without an outcome of ours these are about the key, the path, the size: for a person to mend. */
const NOT_FOR_THE_JOB: ReadonlySet<number> = new Set([401, 403, 404, 405, 406, 407, 411, 413, 414, 415, 421, 426, 431]);
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429]);
/** From a proxy that has no application. */
const UNAVAILABLE = 503;
/** A proxy whose application broke off, or took too long: it may be gone. */
const GONE: ReadonlySet<number> = new Set([502, 504]);
/** No job goes for ever because an answer says so: one that was decided on and comes sooner than it asked for asks again. */
const LONGEST_DELAY_MS = 7 * 86_400_000;
/** Of a job that was not looked at: the place may be free long before. */
const LONGEST_ABSENCE_MS = 3_600_000;

/** In characters. */
const LONGEST_CODE = 128;

/** What a reply to a POST means. `to` is for its message. */
export function settlementOf(reply: Reply, to: string): Settlement {
  switch (reply.kind) {
    case "unreachable":
      return absent(reply, to);
    case "unanswered":
      return { kind: "lost", code: "RECEIVER_LOST", message: `${to} had the job, and ${reply.message}`, status: null };
    case "answered":
      return ofAnswer(reply, to);
  }
}

/** Nobody is there, so nothing was asked of them. */
export function absent(reply: Reply, to: string): Settlement {
  const status = reply.kind === "answered" ? reply.status : null;
  const why = reply.kind === "answered" ? `it answers ${reply.status}` : reply.message;
  const message = `${to} cannot be reached: ${why}`;
  return { kind: "undelivered", delayMs: null, code: "RECEIVER_UNREACHABLE", message, status, isTrouble: true };
}

/** True for any answer that an application must be alive to give. */
export function provesLife(reply: Reply): boolean {
  return reply.kind === "answered" && reply.status !== UNAVAILABLE && !GONE.has(reply.status);
}

type Answered = Extract<Reply, { readonly kind: "answered" }>;

function ofAnswer(reply: Answered, to: string): Settlement {
  const { status, headers, whole } = reply;
  const { code, message } = reasonIn(reply, to);
  const outcome = header(headers, OUTCOME_HEADER);
  const asked = delayIn(reply);
  const delayMs = within(asked ?? 0, LONGEST_DELAY_MS);
  const place = { delayMs: asked === null ? null : within(asked, LONGEST_ABSENCE_MS), code, message, status } as const;
  switch (outcome) {
    case "completed":
      return { kind: "decided", outcome: { kind: "completed" } };
    case "retry":
      return { kind: "decided", outcome: { ...retryOf(code, message), delayMs } };
    case "release":
      // A job's own release has its reason in a header; without one it is the place that is not free.
      if (header(headers, "waybill-reason") === null) return { kind: "undelivered", ...place, isTrouble: false };
      return { kind: "decided", outcome: { kind: "release", delayMs, reason: { code, message } } };
    case "dead": {
      const kept = header(headers, "waybill-kept") !== "false";
      return { kind: "decided", outcome: { kind: "dead", reason: { code, message }, kept } };
    }
    case null:
      break;
    // A receiver newer than this sender: whatever it means, it is not for us to guess.
    default:
      return { kind: "undelivered", ...place, isTrouble: true };
  }
  if (NOT_NOW.has(status)) return { kind: "undelivered", ...place, isTrouble: false };
  if (GONE.has(status)) return { kind: "lost", code: "RECEIVER_LOST", message, status };
  const isRedirect = status >= 300 && status < 400;
  if (status < 200 || isRedirect || status === UNAVAILABLE || NOT_FOR_THE_JOB.has(status) || isOurProblem(reply)) {
    return { kind: "undelivered", ...place, isTrouble: true };
  }
  if (!whole) return { kind: "lost", code: "RECEIVER_LOST", message: `${message}, and broke off`, status };
  if (status < 300) return { kind: "decided", outcome: { kind: "completed" } };
  return { kind: "failed", code, message };
}

function retryOf(
  code: string,
  message: string,
): Pick<Extract<Outcome, { kind: "retry" }>, "kind" | "reason" | "error"> {
  const error = Object.assign(new Error(message), { code });
  return { kind: "retry", reason: { code, message }, error };
}

/** From `waybill-delay-ms`, else Retry-After in seconds or as a date; null when it does not say. */
function delayIn({ headers }: Answered): number | null {
  const exact = header(headers, "waybill-delay-ms");
  if (exact !== null && /^\d{1,12}$/.test(exact)) return Number(exact);
  const after = header(headers, "retry-after");
  if (after === null) return null;
  const ms = /^\d{1,9}$/.test(after) ? Number(after) * 1_000 : dateIn(after) - Date.now();
  return Number.isNaN(ms) ? null : ms;
}

function within(delayMs: number, longestMs: number): number {
  return Math.min(Math.max(delayMs, LEAST_RELEASE_MS), longestMs);
}

/** Of HTTP, not of JavaScript, which finds a date in "-1" too. */
function dateIn(text: string): number {
  return text.endsWith(" GMT") ? Date.parse(text) : Number.NaN;
}

const PROBLEM = "urn:waybill:problem:";

/** Refused by a receiver of ours before it looked at any job. */
function isOurProblem({ body }: Answered): boolean {
  return String(membersOf(body)["type"] ?? "").startsWith(PROBLEM);
}

function reasonIn({ status, headers, body }: Answered, to: string): { code: string; message: string } {
  const { type, code, detail } = membersOf(body);
  const isOurs = typeof type === "string" && type.startsWith(PROBLEM);
  const named = header(headers, "waybill-reason") ?? (isOurs && typeof code === "string" ? code : null);
  const isAbout = header(headers, OUTCOME_HEADER) !== null && isOurs && typeof detail === "string";
  return {
    code: named?.slice(0, LONGEST_CODE) ?? `HTTP_${status}`,
    message: isAbout
      ? detail.slice(0, 2_000)
      : `${to} answered ${status}${named === null ? "" : ` ${named.slice(0, LONGEST_CODE)}`}`,
  };
}

function membersOf(body: string): Readonly<Record<string, unknown>> {
  if (!body.startsWith("{")) return {};
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    // A body that broke off, or never was JSON: the status stands for itself.
    return {};
  }
}
