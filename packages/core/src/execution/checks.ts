import { unmetNeed } from "../backend/envelope-needs.ts";
import { parseTimestamp } from "../envelope/index.ts";
import { dead, type Outcome, release } from "../job/outcome.ts";
import { wallMs } from "../time/clock.ts";
import { endOf, pastDeadline } from "./job-deadline.ts";
import type { Run } from "./run.ts";
import { releaseUnknown } from "./unknown-job.ts";

const NO_LEDGER_MS = 60_000;

/** Dead-letters a job whose signature is missing or invalid, where this program asks for one. */
export function verifySignature(run: Run): Outcome | null {
  const refused = signatureFault(run, run.envelope.id);
  return refused === null ? null : dead("SIGNATURE_INVALID", refused);
}

/** Returns why the policy refuses the signature of the job with this id; null if it does not. */
export function signatureFault({ registry, delivery }: Run, id: string): string | null {
  const { body, signature, label } = delivery;
  return registry.signatures?.({ id, body, signature }, label?.queue ?? null) ?? null;
}

/** Releases a job that is not due yet, until it is. */
export function releaseEarly({ envelope: { scheduled_at: scheduledAt }, delivery }: Run): Outcome | null {
  if (delivery.isDue || (scheduledAt === undefined && delivery.dueAt === null)) return null;
  const startsAt = Math.max(scheduledAt === undefined ? 0 : parseTimestamp(scheduledAt), delivery.dueAt ?? 0);
  const earlyMs = startsAt - wallMs();
  return earlyMs > 0 ? release(earlyMs, "EARLY", `the job is due in ${earlyMs} ms`) : null;
}

/** Dead-letters a job whose `expires_at` has come. */
export function endExpired({ envelope: { expires_at: expiresAt } }: Run): Outcome | null {
  if (expiresAt === undefined || wallMs() < parseTimestamp(expiresAt)) return null;
  return dead("EXPIRED", `the job was not to start at or after ${expiresAt}`);
}

/** Dead-letters a job that lost its worker `maxLost` times: it may be what kills it. */
export function endLostTooOften({ delivery: { lost }, registry }: Run): Outcome | null {
  if (lost < registry.maxLost) return null;
  return dead("WORKER_LOST", `${lost} deliveries ended with their worker gone; the job may be what kills it`);
}

/** Dead-letters a job whose envelope asks for what its backend refuses. */
export function endUnsupported({ envelope, registry }: Run): Outcome | null {
  const unmet = unmetNeed(envelope, registry.capabilities);
  return unmet === null ? null : dead("NEED_UNSUPPORTED", unmet);
}

/**
 * Releases a member of a flow where its end could not be stored, so that what comes after it would wait for ever. Where it could be, the
 * mark is not that of this job: dead-letters it.
 */
export function releaseMember({ envelope, delivery: { flow, keepsFlow, readsFlows } }: Run): Outcome | null {
  if (envelope.meta?.["flow"] === undefined || flow !== undefined || keepsFlow === true) return null;
  if (readsFlows === true) {
    const remedy = "enqueue the job again without it; flows are started by jobs.flow(…)";
    return dead("FLOW_INVALID", `meta.flow is no mark that waybill gives a job of this id: ${remedy}`);
  }
  const why =
    "the job is a member of a flow, and came by a way that has no ledger: run it by a worker that has the flow's";
  return release(NO_LEDGER_MS, "LEDGER_MISSING", why);
}

/** Finds the handler. Releases a job whose type, or payload version, this process does not know: a newer one may. */
export function findJob(run: Run): Outcome | null {
  const { envelope, delivery, registry } = run;
  const job = registry.find(envelope.type);
  if (job === undefined) return releaseUnknown(envelope, delivery, null);
  const version = envelope.meta?.payload_version ?? 1;
  if (version > job.version) return releaseUnknown(envelope, delivery, { version, known: job.version });
  run.found = job;
  return null;
}

/** Dead-letters a job whose deadline for all attempts has passed. */
export function endPastDeadline(run: Run): Outcome | null {
  const { type, deadlineMs } = run.job;
  run.endsAt = endOf(run.envelope, deadlineMs);
  if (run.endsAt === null || wallMs() < run.endsAt) return null;
  return dead("DEADLINE", pastDeadline(type, deadlineMs).message);
}
