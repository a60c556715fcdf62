import { type Envelope, parseTimestamp } from "./envelope/index.ts";
import { dead, type Outcome, release } from "./outcome.ts";

const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 3_600_000;
const GIVE_UP_AFTER_MS = 7 * 86_400_000;

/**
 * A type, or a payload version, that this process does not know yet: a newer one may, during a deploy. The job is
 * put back for 5 s, doubling to 1 h, and kept for a person as `JOB_UNKNOWN` after 7 days.
 */
export function releaseUnknown(
  envelope: Envelope,
  releases: number,
  newer: { readonly version: number; readonly known: number } | null,
): Outcome {
  const message =
    newer === null
      ? `no handler is registered for job type "${envelope.type}"; start a worker that has it`
      : `"${envelope.type}" arrived at payload version ${newer.version}, this worker knows ${newer.known}; start a newer one`;
  if (waitedMs(envelope, releases) >= GIVE_UP_AFTER_MS) return dead("JOB_UNKNOWN", message);
  return release(Math.min(FIRST_WAIT_MS * 2 ** Math.min(releases, 20), LONGEST_WAIT_MS), "JOB_UNKNOWN", message);
}

/** Since the job could first have run, or, for a job that names no time, what its releases add up to. */
function waitedMs(envelope: Envelope, releases: number): number {
  const since = envelope.scheduled_at ?? envelope.created_at;
  if (since !== undefined) return Date.now() - parseTimestamp(since);
  const doublings = Math.min(releases, 10);
  return FIRST_WAIT_MS * (2 ** doublings - 1) + Math.max(0, releases - 10) * LONGEST_WAIT_MS;
}
