import { EnvelopeError, type Outcome } from "@waybill/core";
import { later, problem } from "./problem.ts";
import type { PushAnswer } from "./push.ts";

/**
 * Push mode's half of settling: an outcome becomes one response. Who knows only success and failure reads the status;
 * our own sender reads the headers, which say all that a lease would be settled with.
 */
export function respond(outcome: Outcome, id: string | null): PushAnswer {
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
      const { reason, kept, error } = outcome;
      const more = { ...headers, ...reasonHeader(reason.code), ...(!kept && { "waybill-kept": "false" }) };
      // No envelope at all is the sender's fault, not the job's.
      const status = error instanceof EnvelopeError && error.envelopeCode === reason.code ? 400 : 422;
      return problem(status, reason.code, "The job will not run", reason.message, more);
    }
  }
}

/** A job that is stored, for whoever relays or takes in. */
export function stored(id: string, isNew: boolean): PushAnswer {
  const headers = { "x-waybill-job": id, "waybill-outcome": "completed", "content-type": "application/json" };
  return { status: 200, headers, body: JSON.stringify({ id, stored: isNew }) };
}

/** The job has ended for good: completed, stored or dead. */
export function isFinal({ headers }: PushAnswer): boolean {
  const outcome = headers["waybill-outcome"];
  return outcome === "completed" || outcome === "dead";
}

/** For carriers to whom a 4xx is for good: what may come again, by a status that says so to everybody. */
export function laterBy503(answer: PushAnswer): PushAnswer {
  return answer.status === 408 || answer.status === 429 ? { ...answer, status: 503 } : answer;
}

/** A code comes from a handler's error and may be anything; a header may not. */
function reasonHeader(code: string): Record<string, string> {
  return /^[\x21-\x7e]{1,128}$/.test(code) ? { "waybill-reason": code } : {};
}
