import type { Outcome } from "@waybill/core";
import { problem } from "./problem.ts";
import type { Answer } from "./push.ts";

/**
 * Push mode's half of settling: an outcome becomes one response. Who knows only success and failure reads the status;
 * our own sender reads the headers, which say all that a lease would be settled with.
 */
export function respond(outcome: Outcome, id: string | null): Answer {
  const job: Record<string, string> = id === null ? {} : { "x-waybill-job": id };
  const headers = { ...job, "waybill-outcome": outcome.kind };
  switch (outcome.kind) {
    case "completed":
      return {
        status: 200,
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ outcome: outcome.kind, ...(id !== null && { id }) }),
      };
    case "retry": {
      const { reason, delayMs } = outcome;
      const more = { ...headers, ...reasonHeader(reason.code), ...later(delayMs) };
      return problem(500, reason.code, "The attempt failed", reason.message, more);
    }
    case "release": {
      const { reason, delayMs } = outcome;
      const more = { ...headers, ...reasonHeader(reason.code), ...later(delayMs) };
      return problem(429, reason.code, "Not now, and no attempt was spent", reason.message, more);
    }
    case "dead": {
      const { reason, kept } = outcome;
      const more = { ...headers, ...reasonHeader(reason.code), ...(!kept && { "waybill-kept": "false" }) };
      const status = MALFORMED.test(reason.code) ? 400 : 422;
      return problem(status, reason.code, "The job will not run", reason.message, more);
    }
  }
}

/** A job that is stored, for whoever relays or takes in. */
export function stored(id: string, isNew: boolean): Answer {
  const headers = { "x-waybill-job": id, "waybill-outcome": "completed", "content-type": "application/json" };
  return { status: 200, headers, body: JSON.stringify({ id, stored: isNew }) };
}

/** Not now, for the place's sake and not the job's: full, draining, its backend away. */
export function comeBack(answer: Answer, delayMs: number): Answer {
  return { ...answer, headers: { ...answer.headers, "waybill-outcome": "release", ...later(delayMs) } };
}

/** Retry-After knows whole seconds, and 0 would be no wait at all to who rounds down. */
function later(delayMs: number): Record<string, string> {
  return { "retry-after": String(Math.ceil(delayMs / 1_000)), "waybill-delay-ms": String(Math.ceil(delayMs)) };
}

/** A code comes from a handler's error and may be anything; a header may not. */
function reasonHeader(code: string): Record<string, string> {
  return /^[\x21-\x7e]{1,128}$/.test(code) ? { "waybill-reason": code } : {};
}

/** Codes of bodies that are no envelope, as spec/1.0/envelope.md lists them: the sender's fault, not the job's. */
const MALFORMED =
  /^(BODY_TOO_LARGE|ENCODING_INVALID|BOM_FORBIDDEN|JSON_[A-Z_]+|ENVELOPE_[A-Z_]+|SPEC_[A-Z_]+|FIELD_[A-Z_]+|(ID|TYPE|QUEUE|TIMESTAMP|DURATION|URI|RANGE|LENGTH)_INVALID|VALUE_UNKNOWN|META_[A-Z_]+|EXPIRY_ORDER|CRIT_[A-Z_]+)$/;
