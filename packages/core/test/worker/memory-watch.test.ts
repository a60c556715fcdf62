import { afterEach, expect, test, vi } from "vitest";
import { watchMemory } from "../../src/worker/memory-watch.ts";

let usedBytes = 100;
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function watched(maxBytes: number) {
  vi.useFakeTimers();
  vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => usedBytes);
  usedBytes = 100;
  let calls = 0;
  const stop = watchMemory(maxBytes, () => calls++);
  return { stop, calls: () => calls };
}

test("it calls once, when the process has grown past the limit", () => {
  const { calls } = watched(200);
  usedBytes = 200;
  vi.advanceTimersByTime(2_000);
  expect(calls()).toBe(0);
  usedBytes = 201;
  vi.advanceTimersByTime(2_000);
  expect(calls()).toBe(1);
});

test("it stops when told to, and without a limit looks at nothing", () => {
  const { stop, calls } = watched(200);
  stop();
  usedBytes = 201;
  vi.advanceTimersByTime(2_000);
  expect(calls()).toBe(0);
  vi.useFakeTimers();
  watchMemory(Infinity, () => {});
  expect(vi.getTimerCount()).toBe(0);
});

test("a limit that the process is past already is refused, with both numbers", () => {
  expect(() => watched(50)).toThrow("maxMemoryBytes is 50, but the process uses 100 bytes before its first job");
});

test("its timer does not keep the process alive", () => {
  vi.spyOn(process.memoryUsage, "rss").mockImplementation(() => 1);
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const stop = watchMemory(200, () => {});
  expect(timers()).toBe(before);
  stop();
});
