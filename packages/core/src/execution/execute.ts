import type { Delivery } from "../job/delivery.ts";
import type { Outcome } from "../job/outcome.ts";
import {
  endExpired,
  endLostTooOften,
  endPastDeadline,
  endUnsupported,
  findJob,
  releaseEarly,
  releaseMember,
  verifySignature,
} from "./checks.ts";
import { failedAttempt } from "./failed-attempt.ts";
import type { HandlerRegistry } from "./handler-registry.ts";
import { readEnvelope, refuseDamagedRecord, refuseInvalidBody } from "./read-envelope.ts";
import { reportFinished, startSpan } from "./report.ts";
import { Run } from "./run.ts";
import { runHandler } from "./run-handler.ts";

/**
 * Runs one delivery to its outcome. Each step returns the outcome that ends the run, or null to go on to the next. A step
 * reads and writes the state in `run` and nothing else: none calls a backend, settles or logs.
 *
 * Never rejects. An error outside the handler, of a schema, a signature check, telemetry or a listener, is a failed attempt
 * like an error of the handler.
 */
export async function execute(delivery: Delivery, registry: HandlerRegistry): Promise<Outcome> {
  const run = new Run(delivery, registry);
  let outcome: Outcome | null = null;
  try {
    outcome =
      refuseDamagedRecord(run) ??
      readEnvelope(run) ??
      startSpan(run) ??
      refuseInvalidBody(run) ??
      verifySignature(run) ??
      releaseEarly(run) ??
      endExpired(run) ??
      endLostTooOften(run) ??
      endUnsupported(run) ??
      releaseMember(run) ??
      findJob(run) ??
      endPastDeadline(run) ??
      (registry.gate && (await registry.gate.enter(run.envelope, run.delivery))) ??
      (await runHandler(run));
    reportFinished(run, outcome);
    return outcome;
  } catch (thrown) {
    return outcome ?? failedAttempt(run, thrown);
  }
}
