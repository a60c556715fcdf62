import { type DeadReason, EnvelopeError, type ErrorRecord, type Outcome } from "@waybill/core";
import { problem, retryAfter } from "../push/problem.ts";
import type { PushResponse } from "../push/push-response.ts";

/**
 * Returns the response for a job's outcome. Carriers that know only success and failure read the status; our own sender
 * reads the headers, which contain all that a worker settles a lease with. `withError` adds the thrown error and its stack;
 * it is true only if the request's signature covers this very job.
 */
export function responseOf(outcome: Outcome, id: string | null, withError: boolean): PushResponse {
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
      const more = { ...headers, ...reasonHeader(reason.code), ...retryAfter(delayMs) };
      return problem(500, reason.code, "The attempt failed", about(reason, withError), more);
    }
    case "release": {
      const { reason, delayMs } = outcome;
      const more = { ...headers, ...reasonHeader(reason.code), ...retryAfter(delayMs) };
      return problem(429, reason.code, "The job was released; no attempt was spent", about(reason, withError), more);
    }
    case "dead": {
      const { reason, kept, error } = outcome;
      const more = { ...headers, ...reasonHeader(reason.code), ...(!kept && { "waybill-kept": "false" }) };
      // A body that is no envelope is the sender's mistake, not the job's.
      const status = error instanceof EnvelopeError && error.envelopeCode === reason.code ? 400 : 422;
      return problem(status, reason.code, "The job will not run again", about(reason, withError), more);
    }
  }
}

function about({ message, error }: DeadReason, withError: boolean): { detail: string; error?: ErrorRecord } {
  return { detail: message, ...(withError && error && { error }) };
}

/** A code comes from a handler's error and may be any text; a header may not. */
function reasonHeader(code: string): Record<string, string> {
  return /^[\x21-\x7e]{1,128}$/.test(code) ? { "waybill-reason": code } : {};
}
