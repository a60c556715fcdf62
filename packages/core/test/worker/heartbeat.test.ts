import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { WaybillError } from "../../src/index.ts";
import { createHeartbeat } from "../../src/worker/heartbeat.ts";

const facts = () => ({
  host: "h",
  pid: 1,
  version: null,
  queues: ["default"],
  concurrency: 1,
  running: 0,
  startedAt: 0,
  heartbeatMs: 30,
});

function heartbeatOf(announce: () => Promise<void> = async () => {}, withdraw: () => Promise<void> = async () => {}) {
  const calls: string[] = [];
  const failures: string[] = [];
  const heartbeat = createHeartbeat({
    workerRegistry: {
      announce(id, text, ttlMs) {
        calls.push(`announce ${id} ${ttlMs} ${(JSON.parse(text) as { pid: number }).pid}`);
        return announce();
      },
      withdraw(id) {
        calls.push(`withdraw ${id}`);
        return withdraw();
      },
      list: async () => [],
    },
    worker: "w",
    heartbeatMs: 30,
    facts,
    failed: ({ message }) => void failures.push(message),
  });
  return { heartbeat, calls, failures };
}

test("a worker is announced for three heartbeats with each heartbeat, and withdrawn at the end", async () => {
  const { heartbeat, calls, failures } = heartbeatOf();
  heartbeat.begin();
  await expect.poll(() => calls.length).toBeGreaterThanOrEqual(3);
  await heartbeat.end();
  const count = calls.length;
  expect([...new Set(calls.slice(0, -1)), calls.at(-1)]).toEqual(["announce w 90 1", "withdraw w"]);
  await sleep(70);
  expect([calls.length, failures]).toEqual([count, []]);
});

test("the first error of several in a row is reported, and again after a success in between", async () => {
  const results = ["one", "two", null, "three"];
  const { heartbeat, calls, failures } = heartbeatOf(async () => {
    const message = results.shift();
    if (typeof message === "string") throw new Error(message);
  });
  heartbeat.begin();
  await expect.poll(() => calls.length).toBeGreaterThanOrEqual(5);
  await heartbeat.end();
  expect(failures).toEqual(["one", "three"]);
});

test("that the connection is closed is not reported", async () => {
  const closed = new WaybillError("BACKEND_CLOSED", "closed");
  const { heartbeat, calls, failures } = heartbeatOf(() => Promise.reject(closed));
  heartbeat.begin();
  await expect.poll(() => calls.length).toBeGreaterThanOrEqual(2);
  await heartbeat.end();
  expect(failures).toEqual([]);
});

test("the end waits for the heartbeat that is under way, which would list the worker again, and starts no other", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { heartbeat, calls } = heartbeatOf(() => promise);
  heartbeat.begin();
  const ended = heartbeat.end();
  await sleep(20);
  expect(calls).toEqual(["announce w 90 1"]);
  resolve();
  await ended;
  await sleep(70);
  expect(calls).toEqual(["announce w 90 1", "withdraw w"]);
});

test("a registry that hangs delays the end by half a second, and one that fails not at all", async () => {
  const hanging = heartbeatOf(undefined, () => new Promise(() => {}));
  hanging.heartbeat.begin();
  const startedAt = performance.now();
  await hanging.heartbeat.end();
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(490);
  const failing = heartbeatOf(undefined, () => Promise.reject(new Error("away")));
  failing.heartbeat.begin();
  await failing.heartbeat.end();
});

test("without a beginning the end calls nothing", async () => {
  const { heartbeat, calls } = heartbeatOf();
  await heartbeat.end();
  expect(calls).toEqual([]);
});

test("a slow registry gets a rest between two heartbeats", async () => {
  const { heartbeat, calls } = heartbeatOf(() => sleep(60));
  heartbeat.begin();
  await sleep(100);
  expect(calls.length).toBeLessThanOrEqual(2);
  await heartbeat.end();
});
