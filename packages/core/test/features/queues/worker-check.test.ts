import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { QueueWithoutWorker } from "../../../src/backend/queues-without-worker.ts";
import { createWorkerCheck, type WorkerCheck } from "../../../src/features/queues/worker-check.ts";
import { createLedger } from "../../../src/memory/ledger.ts";
import { EventBus } from "../../../src/observability/events.ts";

const begun: WorkerCheck[] = [];
afterEach(() => begun.splice(0).forEach((check) => check.end()));

const also = { key: "history/request", looked: () => undefined };
const mailers: QueueWithoutWorker = { queue: "mailers", ready: 2, oldestWaitMs: 900 };

/** Some processes that look into the same store every 40 ms, and report after 100 ms. */
function looking(processes = 1, restFactor = 0) {
  let version = 0;
  const ledger = createLedger(() => ++version);
  const events = new EventBus();
  const heard: string[] = [];
  events.on("queue_without_worker", ({ queue, ready }) => heard.push(`${queue} without, ${ready} ready`));
  events.on("queue_has_worker", ({ queue }) => heard.push(`${queue} has`));
  const state = { found: [] as readonly QueueWithoutWorker[], looks: 0, fails: false, tookMs: 0 };
  const find = async () => {
    state.looks += 1;
    if (state.tookMs > 0) await sleep(state.tookMs);
    if (state.fails) throw new Error("away");
    return state.found;
  };
  for (let at = 0; at < processes; at++) {
    const check = createWorkerCheck({ ledger, find, events, also, everyMs: 40, afterMs: 100, restFactor });
    check.begin();
    check.begin();
    begun.push(check);
  }
  return { state, heard, ledger, find, events };
}

test("a queue without a worker is reported once it has had none for long enough, and once it has one again", async () => {
  const { state, heard } = looking();
  state.found = [mailers];
  await expect.poll(() => heard, { interval: 5, timeout: 10_000 }).toEqual(["mailers without, 2 ready"]);
  await sleep(200);
  state.found = [];
  await expect.poll(() => heard, { interval: 5, timeout: 10_000 }).toEqual(["mailers without, 2 ready", "mailers has"]);
});

test("a queue may be called as a member of every object", async () => {
  const { state, heard } = looking();
  state.found = [{ ...mailers, queue: "constructor" }];
  await expect.poll(() => heard, { interval: 5, timeout: 10_000 }).toEqual(["constructor without, 2 ready"]);
});

test("one that has a worker again before that is not reported, nor is a declared one without jobs", async () => {
  const { state, heard } = looking();
  state.found = [mailers, { queue: "reports", ready: 0, oldestWaitMs: null }];
  await expect.poll(() => state.looks, { interval: 5, timeout: 10_000 }).toBe(1);
  state.found = [{ queue: "reports", ready: 0, oldestWaitMs: null }];
  await expect.poll(() => state.looks, { interval: 5, timeout: 10_000 }).toBeGreaterThan(5);
  expect(heard).toEqual([]);
});

test("several processes look as often as one, and report once", async () => {
  const { state, heard } = looking(5);
  state.found = [mailers];
  const since = performance.now();
  await expect.poll(() => heard.length, { interval: 5, timeout: 10_000 }).toBe(1);
  await sleep(300);
  const most = (performance.now() - since) / 40 + 2;
  expect(state.looks).toBeLessThan(most);
  expect(heard).toEqual(["mailers without, 2 ready"]);
});

test("a look that fails is made again, and one that has ended is not", async () => {
  const { state, heard } = looking();
  state.fails = true;
  await expect.poll(() => state.looks, { interval: 5, timeout: 10_000 }).toBeGreaterThan(1);
  state.fails = false;
  state.found = [mailers];
  await expect.poll(() => heard.length, { interval: 5, timeout: 10_000 }).toBe(1);
  begun.forEach((check) => check.end());
  await sleep(60);
  const { looks } = state;
  await sleep(200);
  expect(state.looks).toBe(looks);
});

test("a look that takes long is made less often", async () => {
  const { state } = looking(1, 300);
  state.tookMs = 5;
  await sleep(1_000);
  expect(state.looks).toBe(1);
});

test("a record that another program wrote is no reason to report", async () => {
  const { heard, ledger, state } = looking();
  await ledger.commit([
    { key: "queue/check", ifVersion: "any", value: '{"a":null,"b":{"since":"x"},"c":[]}', dueInMs: 0 },
  ]);
  await expect.poll(() => state.looks, { interval: 5, timeout: 10_000 }).toBeGreaterThan(2);
  expect(heard).toEqual([]);
});

test("a check that is ended and begun again during a look does not look twice as often from then on", async () => {
  let [version, reads] = [0, 0];
  const inner = createLedger(() => ++version);
  const ledger: typeof inner = { ...inner, read: (keys) => ((reads += 1), inner.read(keys)) };
  const { promise: released, resolve: release } = Promise.withResolvers<readonly QueueWithoutWorker[]>();
  let finds = 0;
  const find = (): Promise<readonly QueueWithoutWorker[]> => ((finds += 1), released);
  const times = { everyMs: 40, afterMs: 100, restFactor: 0 };
  const check = createWorkerCheck({ ledger, find, events: new EventBus(), also, ...times });
  begun.push(check);
  check.begin();
  await expect.poll(() => finds).toBe(1);
  for (let restart = 0; restart < 4; restart += 1) {
    check.end();
    check.begin();
    const before = reads;
    await expect.poll(() => reads, { interval: 5 }).toBeGreaterThan(before);
  }
  release([]);
  await sleep(50);
  const before = reads;
  await sleep(500);
  // One every 20 ms.
  expect(reads - before).toBeLessThan(35);
});

test("a reported queue that is one of too many does not count as having a worker", async () => {
  const { state, heard } = looking();
  state.found = [{ ...mailers, queue: "z" }];
  await expect.poll(() => heard, { interval: 5, timeout: 10_000 }).toEqual(["z without, 2 ready"]);
  const others = Array.from({ length: 450 }, (_, at) => ({ ...mailers, queue: `a${at}` }));
  state.found = [...others, ...state.found];
  await expect.poll(() => heard.length, { interval: 5, timeout: 10_000 }).toBe(400);
  expect(heard.filter((one) => one.startsWith("z") || one.endsWith("has"))).toEqual(["z without, 2 ready"]);
  // Once it has a worker, there is room for one of the others.
  state.found = others;
  await expect.poll(() => heard.length, { interval: 5, timeout: 10_000 }).toBe(402);
  expect(heard.slice(400).toSorted()).toEqual([expect.stringMatching(/^a\d+ without/), "z has"]);
});

test("a record that another feature asks about is read with the look, and reported when it is there", async () => {
  let version = 0;
  const ledger = createLedger(() => ++version);
  const reads: (readonly string[])[] = [];
  const counted = { ...ledger, read: (keys: readonly string[]) => (reads.push(keys), ledger.read(keys)) };
  let found = 0;
  const asked = { key: also.key, looked: (isThere: boolean) => void (found += isThere ? 1 : 0) };
  const times = { everyMs: 40, afterMs: 100, restFactor: 0, find: async () => [] };
  const check = createWorkerCheck({ ledger: counted, events: new EventBus(), also: asked, ...times });
  begun.push(check);
  check.begin();
  await expect.poll(() => reads.length, { interval: 5, timeout: 10_000 }).toBeGreaterThan(2);
  expect(found).toBe(0);
  await ledger.commit([{ key: also.key, ifVersion: "any", value: "{}" }]);
  await expect.poll(() => found, { interval: 5, timeout: 10_000 }).toBeGreaterThan(0);
  expect(new Set(reads.map((keys) => keys.length))).toEqual(new Set([2]));
});
