/**
 * Delays without a plugin. A message climbs down a ladder of rungs, queues that hold every message for one fixed time:
 * 100 ms, 200 ms, 400 ms, and so on. It rests on the rungs whose times add up to its delay, the longest first, and is
 * dead-lettered by the broker from one to the next. Its routing key says which: one word a rung, "1" to rest there,
 * then the queue it is for. Within a rung all wait equally long, so nobody waits behind a longer delay.
 */
export const RUNG_COUNT = 22;

/** The shortest rung. Delays are rounded up to a multiple of it. */
export const SHORTEST_RUNG_MS = 100;

/** All rungs together: 4 days, 20 hours and a half. Core hops for longer ones. */
export const LONGEST_DELAY_MS: number = (2 ** RUNG_COUNT - 1) * SHORTEST_RUNG_MS;

export const rungMs = (rung: number): number => SHORTEST_RUNG_MS * 2 ** rung;

export interface Climb {
  /** The longest rung that the message rests on: where it enters the ladder. */
  readonly rung: number;
  readonly routingKey: string;
}

/** How a message waits `delayMs`, more than 0 and at most `LONGEST_DELAY_MS`, for `queue`. */
export function climbFor(delayMs: number, queue: string): Climb {
  const steps = Math.ceil(delayMs / SHORTEST_RUNG_MS);
  const bits = steps.toString(2).padStart(RUNG_COUNT, "0");
  return { rung: RUNG_COUNT - 1 - bits.indexOf("1"), routingKey: `${[...bits].join(".")}.${queue}` };
}

/** Matches the routing keys of messages that rest on that rung ("1"), or pass it by ("0"). */
export function rungPattern(rung: number, bit: "0" | "1"): string {
  return `${"*.".repeat(RUNG_COUNT - 1 - rung)}${bit}.#`;
}

/** Matches the routing keys of messages for that queue, whatever their delay was. */
export const arrivalPattern = (queue: string): string => `${"*.".repeat(RUNG_COUNT)}${queue}`;
