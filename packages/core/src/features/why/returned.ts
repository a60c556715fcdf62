import type { ReturnedJob } from "../../backend/worker-details.ts";
import { policyOf } from "../../job/retry-policy.ts";
import { reason } from "./reason.ts";
import type { Reported } from "./reported.ts";
import type { View } from "./view.ts";
import type { AnyReason } from "./why-api.ts";
import { moment, sentence } from "./words.ts";

/** A job that was returned to its queue, and until when it waits there. */
export interface Waiting {
  readonly type: string;
  readonly queue: string;
  readonly until: number;
}

/** Says that a job waits since a worker has returned it to its queue, and why that was. */
export function returnedReason(view: View, { worker, entry }: Reported<ReturnedJob>, waiting: Waiting): AnyReason {
  const { how, attempt, code, message, at } = entry;
  const said = { code, message };
  if (how === "retry") return retryReason(view, waiting, { attempt: attempt + 1, error: said, worker: worker.id });
  const { type, queue, until } = waiting;
  if (code === "RATE_LIMITED") {
    const text = `It may start ${moment(until)}: ${message}. Worker ${worker.id} released it ${moment(at)}, which spent no attempt.`;
    const remedy = "Wait, or raise the `rate` of the limit in the definition that the workers have.";
    return reason("RATE_LIMITED", { type, queue, turnAt: until, message, worker: worker.id }, text, remedy);
  }
  const text = `Worker ${worker.id} released it ${moment(at)}, which spent no attempt, and it is delivered again ${moment(until)}: ${code}, ${sentence(message)}`;
  const facts = { type, queue, until, reason: said, worker: worker.id, at };
  return reason("RELEASED", facts, text, "Wait, or run it now: jobs.runNow(id), or `waybill jobs run ID`.");
}

/** Says that a job waits for its next attempt. `error`: null where no worker reports it any more. */
export function retryReason(
  { envelope, definition }: View,
  { type, queue, until }: Waiting,
  {
    attempt,
    error,
    worker,
  }: {
    readonly attempt: number;
    readonly error: ReturnedJob | null | { code: string; message: string };
    readonly worker: string | null;
  },
): AnyReason {
  const maxAttempts = envelope?.retry?.max_attempts ?? (definition && policyOf(definition.retry).maxAttempts);
  const said = error && { code: error.code, message: error.message };
  const of = maxAttempts === null ? "" : ` of ${maxAttempts}`;
  const why =
    said === null
      ? "No worker reports its error any more; `records` on the connection would keep it."
      : `${worker} reports ${sentence(`${said.code}: ${said.message}`)}`;
  const text = `Attempt ${attempt - 1}${of} failed, and it waits for attempt ${attempt}, ${moment(until)}. ${why}`;
  const remedy = "Mend what made it fail. To try at once: jobs.runNow(id), or `waybill jobs run ID`.";
  return reason("RETRY_WAITING", { type, queue, until, attempt, maxAttempts, error: said, worker }, text, remedy);
}
