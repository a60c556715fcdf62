import { wallMs } from "../time/clock.ts";
import { type Envelope, parseTimestamp } from "../envelope/index.ts";
import { dead, type Outcome, release } from "../job/outcome.ts";

const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 3_600_000;
const GIVE_UP_AFTER_MS = 7 * 86_400_000;

/**
 * Releases a job whose type, or payload version, this process does not know: during a deploy a newer process may know it. The
 * delay is 5 s, doubling to 1 h. After 7 days the job is dead-lettered as `JOB_UNKNOWN`: when both its age and the delays of
 * its earlier deliveries add up to that. Age alone would count the time in a backlog; deliveries alone would count releases
 * of a young job for other reasons.
 */
export function releaseUnknown(
  envelope: Envelope,
  { attempt, releases }: { readonly attempt: number; readonly releases: number },
  newer: { readonly version: number; readonly known: number } | null,
): Outcome {
  const message =
    newer === null
      ? `no handler is registered for job type "${envelope.type}"; start a worker that has it`
      : `"${envelope.type}" arrived at payload version ${newer.version}, this worker knows ${newer.known}; start a newer one`;
  // Where a backend counts only deliveries, each of them raises the attempt.
  const earlier = releases + attempt - 1;
  const ageMs = ageOf(envelope);
  if (Math.min(ageMs, waitsOf(earlier)) >= GIVE_UP_AFTER_MS) return dead("JOB_UNKNOWN", message);
  const doubled = FIRST_WAIT_MS * 2 ** Math.min(earlier, 20);
  return release(Math.min(doubled, Math.max(ageMs, FIRST_WAIT_MS), LONGEST_WAIT_MS), "JOB_UNKNOWN", message);
}

/** Returns the sum of the first `count` delays. */
function waitsOf(count: number): number {
  const doublings = Math.min(count, 10);
  return FIRST_WAIT_MS * (2 ** doublings - 1) + (count - doublings) * LONGEST_WAIT_MS;
}

/** Milliseconds since the job could first have run. Infinity if the envelope has no time, or one in the future. */
function ageOf({ created_at, scheduled_at, id }: Envelope): number {
  const times = [created_at, scheduled_at].flatMap((time) => (time === undefined ? [] : [parseTimestamp(time)]));
  if (times.length === 0 && id[14] === "7") times.push(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
  const ageMs = wallMs() - Math.max(...times);
  return ageMs >= 0 ? ageMs : Infinity;
}
