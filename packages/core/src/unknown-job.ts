import { wallMs } from "./clock.ts";
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
  const waitedMs = waitedSince(envelope, releases);
  if (waitedMs >= GIVE_UP_AFTER_MS) return dead("JOB_UNKNOWN", message);
  // Releases for other reasons count too, so a job that is seconds old is not put back for an hour.
  const doubled = FIRST_WAIT_MS * 2 ** Math.min(releases, 20);
  return release(Math.min(doubled, Math.max(waitedMs, FIRST_WAIT_MS), LONGEST_WAIT_MS), "JOB_UNKNOWN", message);
}

/** Since the job could first have run; for one that tells no time, what its releases add up to. */
function waitedSince(envelope: Envelope, releases: number): number {
  const since = envelope.scheduled_at ?? envelope.created_at;
  if (since !== undefined) return wallMs() - parseTimestamp(since);
  if (envelope.id[14] === "7")
    return wallMs() - Number.parseInt(envelope.id.slice(0, 8) + envelope.id.slice(9, 13), 16);
  const doublings = Math.min(releases, 10);
  return FIRST_WAIT_MS * (2 ** doublings - 1) + Math.max(0, releases - 10) * LONGEST_WAIT_MS;
}
