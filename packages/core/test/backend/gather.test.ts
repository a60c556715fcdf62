import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Result, WaybillError } from "../../src/index.ts";
import { enqueueError } from "../../src/backend/enqueue-error.ts";
import { Gather, type GatherLimits, WINDOW_BYTES } from "../../src/backend/gather.ts";

const limits: GatherLimits = { maxBatch: 100, maxBytes: Infinity, maxInFlight: 1, timeoutMs: Infinity };
const ok = (n: number): Result<number> => ({ ok: true, value: n * 10 });

/** A gather whose calls end when the test lets them. */
function gathered(options: Partial<GatherLimits> = {}, answer: (n: number) => Result<number> = ok) {
  const calls: number[][] = [];
  const open: (() => void)[] = [];
  const send = async (items: readonly number[]): Promise<Result<number>[]> => {
    calls.push([...items]);
    await new Promise<void>((resolve) => open.push(resolve));
    return items.map(answer);
  };
  const gather = new Gather<number, number>(send, { ...limits, ...options }, (n) => n);
  return { gather, calls, endOne: () => open.shift()?.() };
}

test("callers of one turn share one call, and each gets its own answer", async () => {
  const { gather, calls, endOne } = gathered();
  const answers = Promise.all([1, 2, 3].map((n) => gather.add(n)));
  await turn();
  endOne();
  expect(await answers).toEqual([10, 20, 30]);
  expect(calls).toEqual([[1, 2, 3]]);
});

test("callers who come while a call is under way share the next", async () => {
  const { gather, calls, endOne } = gathered();
  const all = [gather.add(1)];
  await turn();
  for (const n of [2, 3, 4]) {
    all.push(gather.add(n));
    await turn();
  }
  expect(calls).toEqual([[1]]);
  endOne();
  await expect.poll(() => calls.length, { interval: 1 }).toBe(2);
  endOne();
  await Promise.all(all);
  expect(calls).toEqual([[1], [2, 3, 4]]);
});

test("a call holds at most maxBatch items and maxBytes bytes, but always one item", async () => {
  const byCount = gathered({ maxBatch: 2, maxInFlight: Infinity });
  for (const n of [1, 2, 3, 4, 5]) void byCount.gather.add(n);
  const byBytes = gathered({ maxBytes: 10, maxInFlight: Infinity });
  for (const n of [4, 5, 6, 20, 1]) void byBytes.gather.add(n);
  await turn();
  expect(byCount.calls).toEqual([[1, 2], [3, 4], [5]]);
  expect(byBytes.calls).toEqual([[4, 5], [6], [20], [1]]);
});

test("one item's error is its own", async () => {
  const error = new WaybillError("ID_CONFLICT", "two bodies");
  const { gather, endOne } = gathered({}, (n) => (n === 2 ? { ok: false, error } : ok(n)));
  const answers = Promise.allSettled([1, 2, 3].map((n) => gather.add(n)));
  await turn();
  endOne();
  expect((await answers).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

const job = { id: "any", type: "any", queue: "any" };
const certainty = (thrown: unknown): unknown => (enqueueError(thrown, job, true, {}) as WaybillError).code;

test("behind a silent call an item rejects by its own deadline, as not sent, and the call's as unknown", async () => {
  const { gather, calls } = gathered({ timeoutMs: 60 });
  const first = gather.add(1).catch(certainty);
  await sleep(30);
  const second = gather.add(2).catch(certainty);
  expect(await first).toBe("ENQUEUE_UNKNOWN");
  expect(await second).toBe("BACKEND_UNAVAILABLE");
  expect(calls).toEqual([[1]]);
});

test("an item waits longer than the timeout while others are answered, since its own time begins with its call", async () => {
  const { gather, endOne } = gathered({ timeoutMs: 100, maxBatch: 1 });
  const all = Promise.all([1, 2, 3, 4, 5].map((n) => gather.add(n)));
  const beat = setInterval(endOne, 40);
  expect(await all).toEqual([10, 20, 30, 40, 50]);
  clearInterval(beat);
});

test("an answer that came while the process stood still is read before its item expires", async () => {
  const late = new Gather<number, number>(
    async (items) => (await sleep(150), items.map(ok)),
    { ...limits, timeoutMs: 200 },
    () => 0,
  );
  const answer = late.add(1);
  await turn();
  const until = performance.now() + 600;
  while (performance.now() < until);
  expect(await answer).toBe(10);
});

test("no more bytes are under way than a driver sends in its time, whatever the number of calls", async () => {
  const { gather, calls } = gathered({ maxBatch: 1, maxBytes: WINDOW_BYTES, maxInFlight: Infinity });
  for (let n = 0; n < 10; n++) void gather.add(WINDOW_BYTES / 4);
  await turn();
  expect(calls.length).toBe(4);
});

test("whenIdle waits for what is under way and for what waits behind it", async () => {
  const { gather, calls, endOne } = gathered();
  void gather.add(1);
  await turn();
  void gather.add(2);
  let idle = false;
  const done = gather.whenIdle().then(() => (idle = true));
  endOne();
  await expect.poll(() => calls.length, { interval: 1 }).toBe(2);
  expect(idle).toBe(false);
  endOne();
  await done;
  expect(idle).toBe(true);
});

test("forty thousand items that expire together are told so without holding up the loop", async () => {
  const { gather } = gathered({ timeoutMs: 50 });
  const all = Promise.allSettled(Array.from({ length: 40_000 }, (_, n) => gather.add(n)));
  let last = performance.now();
  let longest = 0;
  const beat = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  expect((await all).every(({ status }) => status === "rejected")).toBe(true);
  clearInterval(beat);
  expect(longest).toBeLessThan(5_000);
});
