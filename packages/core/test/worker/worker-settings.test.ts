import { expect, test } from "vitest";
import { defineJob, type WorkerOptions } from "../../src/index.ts";
import { memoryCapabilities } from "../../src/memory/limits.ts";
import { workerSettings } from "../../src/worker/worker-settings.ts";

const noop = defineJob({ type: "noop", queue: "mailers", handler() {} });
const settingsOf = (options: object, has = memoryCapabilities) =>
  workerSettings({ jobs: [noop], ...options } as WorkerOptions, has);

test("what is not given has its default", () => {
  expect(settingsOf({})).toEqual({
    queues: new Map([["mailers", 1]]),
    numbers: { concurrency: new Map(), rates: new Map(), queues: new Map() },
    concurrency: 10,
    prefetch: 500,
    typeConcurrency: new Map(),
    leaseMs: 30_000,
    heartbeatMs: 10_000,
    drainMs: 20_000,
    abortMs: 4_000,
    closeMs: 3_000,
    maxLost: 20,
    maxMemoryBytes: Infinity,
    middleware: [],
    canaryMs: null,
  });
});

test.each<[string, object, RegExp]>([
  ["an option there is none of", { concurency: 1 }, /concurency/],
  ["a policy out of a variable that is not set", { signatures: undefined }, /"signatures" in the options of worker is/],
  ["no jobs at all", { jobs: undefined }, /got no `jobs`/],
  ["jobs that are none", { jobs: [{}] }, /jobs of the worker/],
  ["an empty list of jobs", { jobs: [] }, /needs at least one job/],
  ["a limit of the shutdown there is none of", { shutdown: { drian: 1 } }, /drian/],
  ["middleware that is none", { middleware: "log" }, /middleware is "log"/],
  ["half a slot", { concurrency: 1.5 }, /concurrency is 1\.5/],
  ["a number in text", { concurrency: "4" }, /and no text/],
  ["less than nothing ahead", { prefetch: -1 }, /prefetch is -1/],
  ["no loss", { maxLost: 0 }, /maxLost is 0/],
  ["keys that verify nothing", { keys: "k1:0123456789abcdef0123456789abcdef" }, /`keys` verify where `signatures`/],
  ["no memory", { maxMemoryBytes: 0 }, /maxMemoryBytes is 0/],
  ["a lease too short", { lease: 99 }, /lease is 99 ms/],
  ["a heartbeat too short", { heartbeat: 99 }, /heartbeat is 99 ms/],
  ["queues in text", { queues: "mailers" }, /queues is "mailers"/],
  ["no queue", { queues: [] }, /queues is empty/],
  ["a queue that no backend takes", { queues: ["Q!"] }, /"Q!"/],
  ["a weight of 0", { queues: { mailers: 0 } }, /weight of queue "mailers" is 0/],
  ["a weight too high", { queues: { mailers: 1_001 } }, /from 1 to 1000/],
  ["a limit of types in text", { typeConcurrency: "noop" }, /typeConcurrency is "noop"/],
  ["a limit of a type it does not run", { typeConcurrency: { other: 1 } }, /names "other"/],
  ["a limit of 0 for a type", { typeConcurrency: { noop: 0 } }, /of "noop" is 0/],
])("%s is refused", (_, options, message) => {
  expect(() => settingsOf(options)).toThrow(message);
});

test("a lease longer than the backend's, and limits of types where a release spends an attempt, are refused", () => {
  const short = { ...memoryCapabilities, maxLeaseMs: 10_000 };
  expect(() => settingsOf({ lease: "11s" }, short)).toThrow(/this backend allows 10000 ms at most/);
  expect(settingsOf({ lease: "10s" }, short).leaseMs).toBe(10_000);
  const counting = { ...memoryCapabilities, countsDeliveries: true } as const;
  expect(() => settingsOf({ typeConcurrency: { noop: 1 } }, counting)).toThrow(/counts a release as an attempt/);
});
