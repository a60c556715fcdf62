import { type Envelope, parseTimestamp } from "../envelope/index.ts";
import type { Delivery } from "../job/delivery.ts";
import { wallMs } from "../time/clock.ts";

/**
 * Returns the milliseconds from when a job was due until now: 0 where the producer's clock is ahead. Null where that time is
 * unknown: the envelope of a first run has neither `created_at` nor `scheduled_at`, a later run had no delay, or a worker was lost.
 */
export function waitOf({ created_at, scheduled_at }: Envelope, delivery: Delivery): number | null {
  const { attempt, releases, lost, dueAt } = delivery;
  if (lost > 0) return null;
  const times = attempt === 1 && releases === 0 ? [created_at, scheduled_at] : [];
  const known = times.flatMap((time) => (time === undefined ? [] : [parseTimestamp(time)]));
  if (dueAt !== null) known.push(dueAt);
  return known.length === 0 ? null : Math.max(0, wallMs() - Math.max(...known));
}
