import { defaults, retryPolicyOf } from "../envelope/index.ts";
import { type Outcome, outcomeOf } from "../job/outcome.ts";
import { RunHandle } from "../job/run-handle.ts";
import type { Run } from "./run.ts";

/** Returns the outcome of an error outside the handler: a failed attempt, so that `maxAttempts` limits it. */
export function failedAttempt({ delivery, parsed, registry }: Run, thrown: unknown): Outcome {
  const { attempt, label } = delivery;
  const job = { id: parsed?.id ?? label?.id ?? "", attempt, handle: new RunHandle() };
  const defined = (parsed === null ? undefined : registry.find(parsed.type))?.policy ?? defaults.retry;
  const policy = parsed === null ? defined : retryPolicyOf(parsed, defined);
  return outcomeOf(thrown, job, { policy, verdicts: [], endsAt: null });
}
