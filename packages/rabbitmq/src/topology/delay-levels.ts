/**
 * Delays without a plugin. A delay level is a queue that delays every message by one fixed time: 100 ms, 200 ms,
 * 400 ms, and so on. A message waits on the levels whose times add up to its delay, the longest first, and the broker
 * dead-letters it from one level to the next. Its routing key has one word per level, "1" to wait there and "0" to
 * skip it, and then the destination queue. All messages on a level wait equally long, so none waits behind a longer one.
 */
export const LEVEL_COUNT = 22;

/** The delay of level 0. Delays are rounded up to a multiple of it. */
const SHORTEST_LEVEL_MS = 100;

/** The sum of all levels, about 4.85 days. Core splits longer delays into hops. */
export const LONGEST_DELAY_MS: number = (2 ** LEVEL_COUNT - 1) * SHORTEST_LEVEL_MS;

export const levelMs = (level: number): number => SHORTEST_LEVEL_MS * 2 ** level;

export interface DelayRoute {
  /** The longest level that the message waits on, which is the first. */
  readonly level: number;
  readonly routingKey: string;
}

/** Returns the route that delays a message for `queue` by `delayMs`, more than 0 and at most `LONGEST_DELAY_MS`. */
export function delayRoute(delayMs: number, queue: string): DelayRoute {
  const bits = Math.ceil(delayMs / SHORTEST_LEVEL_MS)
    .toString(2)
    .padStart(LEVEL_COUNT, "0");
  return { level: LEVEL_COUNT - 1 - bits.indexOf("1"), routingKey: `${[...bits].join(".")}.${queue}` };
}

/** Matches the routing keys of messages that wait on the level ("1") or skip it ("0"). */
export const levelPattern = (level: number, bit: "0" | "1"): string =>
  `${"*.".repeat(LEVEL_COUNT - 1 - level)}${bit}.#`;

/** Matches the routing keys of all messages for the queue, whatever their delay was. */
export const queuePattern = (queue: string): string => `${"*.".repeat(LEVEL_COUNT)}${queue}`;
