import { expect, test } from "vitest";
import { delayRoute, LONGEST_DELAY_MS, LEVEL_COUNT, levelMs } from "../../src/topology/delay-levels.ts";

/** Returns how long a message with this routing key waits. */
function waitMs(routingKey: string): number {
  const words = routingKey.split(".").slice(0, LEVEL_COUNT);
  return words.reduce((sum, word, index) => sum + (word === "1" ? levelMs(LEVEL_COUNT - 1 - index) : 0), 0);
}

test.each([1, 99, 100, 101, 250, 1_000, 3_600_000, 86_399_999, LONGEST_DELAY_MS])(
  "a message with a delay of %i ms waits that long, and less than 100 ms longer",
  (delayMs) => {
    const lateMs = waitMs(delayRoute(delayMs, "mailers").routingKey) - delayMs;
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(100);
  },
);

test("a message enters at the longest level that it waits on", () => {
  expect(delayRoute(100, "a").level).toBe(0);
  expect(delayRoute(300, "a").level).toBe(1);
  expect(delayRoute(LONGEST_DELAY_MS, "a").level).toBe(LEVEL_COUNT - 1);
});

test("the routing key ends with the queue, which may have dots, and fits into AMQP's 255 bytes", () => {
  const queue = "x".repeat(60) + ".eu";
  const { routingKey } = delayRoute(LONGEST_DELAY_MS, queue);
  expect(routingKey.endsWith(`.${queue}`)).toBe(true);
  expect(Buffer.byteLength(routingKey)).toBeLessThanOrEqual(255);
});
