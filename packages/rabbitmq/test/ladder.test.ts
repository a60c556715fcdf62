import { expect, test } from "vitest";
import { climbFor, LONGEST_DELAY_MS, RUNG_COUNT, rungMs } from "../src/ladder.ts";

/** How long a message with this key rests, if each "1" is a rung. */
function restsMs(routingKey: string): number {
  const words = routingKey.split(".").slice(0, RUNG_COUNT);
  return words.reduce((sum, word, index) => sum + (word === "1" ? rungMs(RUNG_COUNT - 1 - index) : 0), 0);
}

test.each([1, 99, 100, 101, 250, 1_000, 3_600_000, 86_399_999, LONGEST_DELAY_MS])(
  "a delay of %i ms rests that long, and less than 100 ms longer",
  (delayMs) => {
    const late = restsMs(climbFor(delayMs, "mailers").routingKey) - delayMs;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(100);
  },
);

test("a message enters at the longest rung it rests on", () => {
  expect(climbFor(100, "a").rung).toBe(0);
  expect(climbFor(300, "a").rung).toBe(1);
  expect(climbFor(LONGEST_DELAY_MS, "a").rung).toBe(RUNG_COUNT - 1);
});

test("the queue ends the routing key, dots and all, and the whole fits into AMQP's 255 bytes", () => {
  const queue = "x".repeat(60) + ".eu";
  const { routingKey } = climbFor(LONGEST_DELAY_MS, queue);
  expect(routingKey.endsWith(`.${queue}`)).toBe(true);
  expect(Buffer.byteLength(routingKey)).toBeLessThanOrEqual(255);
});
