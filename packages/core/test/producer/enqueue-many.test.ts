import { setTimeout as sleep } from "node:timers/promises";
import { watchLoop } from "@waybill/test-servers";
import { expect, test } from "vitest";
import {
  defineJob,
  isWaybillError,
  type Result,
  type EnqueueCounts,
  type Receipt,
  WaybillError,
} from "../../src/index.ts";
import type { Backend, Message } from "../../src/exports/backend.ts";
import { below, randomOf } from "../../src/testing/random.ts";
import { connected, memoryWith } from "../helpers/connected.ts";

const job = defineJob({ type: "bulk.work" });
const items = (count: number) => Array.from({ length: count }, (_, n) => ({ job, payload: { n } }));

function* endless(returned: () => void) {
  try {
    for (let n = 0; ; n++) yield { job, payload: { n } };
  } finally {
    returned();
  }
}

/** Holds every `enqueue` from `after` messages on, until `thaw`. */
function frozenAfter(after: number) {
  let seen = 0;
  let thaw = (): void => undefined;
  const thawed = new Promise<void>((resolve) => (thaw = resolve));
  const factory = memoryWith((backend) => ({
    capabilities: { ...backend.capabilities, maxBatch: 10, maxInFlight: 2 },
    async enqueue(messages) {
      seen += messages.length;
      if (seen > after) await thawed;
      return backend.enqueue(messages);
    },
  }));
  return { factory, thaw: () => thaw() };
}

test("one hundred thousand are stored whatever the timeout of one, and the loop goes on meanwhile", async () => {
  const slow = memoryWith((backend) => ({
    capabilities: { ...backend.capabilities, maxBatch: 500, maxInFlight: 2 },
    enqueue: async (messages) => (await sleep(1), backend.enqueue(messages)),
  }));
  const jobs = await connected(slow, { enqueueTimeout: "300ms" });
  const all = items(100_000);
  const loop = watchLoop();
  const answers = await jobs.enqueueMany(all);
  const longest = loop.end();
  expect(answers.filter(({ ok }) => !ok)).toEqual([]);
  expect(new Set(answers.map((answer) => answer.ok && answer.value.id)).size).toBe(100_000);
  expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 100_000 }]);
  console.log(`longest block of the loop: ${longest.toFixed(0)} ms of CPU`);
  expect(longest).toBeLessThan(250);
});

test("a generator is read as the backend takes its items, and one that never ends is closed when told throws", async () => {
  const jobs = await connected();
  let read = 0;
  let told = 0;
  let closed = false;
  async function* source() {
    for (const item of endless(() => (closed = true))) {
      read += 1;
      expect(read - told).toBeLessThanOrEqual(1_001);
      yield item;
    }
  }
  const enough = jobs.enqueueMany(source(), () => {
    told += 1;
    if (told === 5_000) throw new RangeError("enough");
  });
  await expect(enough).rejects.toThrow("enough");
  expect([closed, told]).toEqual([true, 5_000]);
  const [counts] = (await jobs.inspector?.counts()) ?? [];
  expect(counts?.ready).toBe(read);
});

test("a source that throws in the middle rejects with its error, once all that it gave is told", async () => {
  const jobs = await connected();
  const told: number[] = [];
  function* source() {
    yield* items(3);
    throw new RangeError("the file is damaged");
  }
  const rejected = jobs.enqueueMany(source(), (result, _, index) => void (result.ok && told.push(index)));
  await expect(rejected).rejects.toThrow("the file is damaged");
  expect(told).toEqual([0, 1, 2]);
});

test("a told that is slow holds up the reading, and its rejection ends it", async () => {
  const jobs = await connected(memoryWith(({ capabilities }) => ({ capabilities: { ...capabilities, maxBatch: 4 } })));
  let pending = 0;
  let most = 0;
  const totals = await jobs.enqueueMany(new Set(items(40)), async () => {
    most = Math.max(most, ++pending);
    await sleep(2);
    pending -= 1;
  });
  expect([totals, most]).toEqual([{ stored: 40, notStored: 0, unknown: 0 }, 4]);
  const failing = jobs.enqueueMany(items(40), () => Promise.reject(new RangeError("disk full")));
  await expect(failing).rejects.toThrow("disk full");
});

test("a frozen backend ends the call within twice the timeout: what it was given is unknown, the rest was not sent", async () => {
  const { factory, thaw } = frozenAfter(500);
  const jobs = await connected(factory, { enqueueTimeout: "150ms", closeTimeout: "50ms" });
  const startedAt = performance.now();
  const answers = await jobs.enqueueMany(items(10_000));
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  const unknown = answers.flatMap((answer) =>
    !answer.ok && isWaybillError(answer.error, "ENQUEUE_UNKNOWN") ? [answer.error.id] : [],
  );
  const notStored = answers.filter((answer) => !answer.ok && answer.error.code === "BACKEND_UNAVAILABLE");
  const stored = answers.filter(({ ok }) => ok).length;
  expect(unknown.length).toBeGreaterThan(0);
  expect(unknown.length).toBeLessThanOrEqual(20);
  expect(stored + unknown.length + notStored.length).toBe(10_000);
  expect(answers.at(-1)).toMatchObject({
    error: { message: expect.stringMatching(/stopped after \d+ items.*nothing for 150 ms/) },
  });
  thaw();
  await expect.poll(async () => (await jobs.inspector?.counts())?.[0]?.ready).toBe(stored + unknown.length);
});

test("a frozen backend ends a stream as well: it is closed, and the call says after how many items", async () => {
  const { factory } = frozenAfter(100);
  const jobs = await connected(factory, { enqueueTimeout: "100ms", closeTimeout: "50ms" });
  let closed = false;
  const told = { stored: 0, other: 0 };
  const ended = jobs.enqueueMany(
    endless(() => (closed = true)),
    ({ ok }) => void (ok ? told.stored++ : told.other++),
  );
  await expect(ended).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringMatching(/stopped after/),
  });
  const count = /after (\d+) items/.exec(String(await ended.catch((error: unknown) => error)))?.[1];
  expect([closed, told.stored + told.other]).toEqual([true, Number(count)]);
  expect(told.stored).toBeLessThanOrEqual(100);
});

test("a backend that is away for a moment costs a few items, not the rest", async () => {
  let awayUntil = 0;
  let seen = 0;
  const blinking = memoryWith((backend) => ({
    async enqueue(messages) {
      seen += messages.length;
      if (seen > 3_000 && awayUntil === 0) awayUntil = performance.now() + 500;
      if (performance.now() < awayUntil) throw new Error("connection refused");
      return backend.enqueue(messages);
    },
  }));
  const jobs = await connected(blinking);
  const answers = await jobs.enqueueMany(items(20_000));
  const failed = answers.filter(({ ok }) => !ok).length;
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(1_100);
});

test("what is no item, no source or no way to hear of it is refused by name", async () => {
  const jobs = await connected();
  const call = jobs.enqueueMany as (source: unknown, told?: unknown) => Promise<Result<Receipt>[]>;
  await expect(call(endless(() => undefined))).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: /hears what became/,
  });
  for (const source of [null, 7, {}]) {
    await expect(call(source, () => undefined)).rejects.toMatchObject({ code: "CONFIG_INVALID", message: /iterable/ });
  }
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const odd = [null, 7, {}, { job: null }, { job: 5, payload: 1 }, revoked.proxy];
  const answers = await call([...odd, ...items(1)]);
  expect(answers.map(({ ok }) => ok)).toEqual([...odd.map(() => false), true]);
});

/** What a broker may do to one call, and what of it is then stored. */
function hostile(reality: Map<number, string>, random: () => number): (backend: Backend) => Partial<Backend> {
  const whole = (end: number): number => below(random, end);
  const capabilities = {
    maxBatch: 1 + whole(60),
    maxInFlight: random() < 0.2 ? Infinity : 1 + whole(4),
    maxBatchBytes: random() < 0.5 ? Infinity : 200 + whole(4_000),
  };
  const dies = random() < 0.3 ? whole(2_000) : Infinity;
  let seen = 0;
  function store({ id, body }: Message): Result<Receipt> {
    const { n } = (JSON.parse(body) as { args: [{ n: number }] }).args[0];
    const known = reality.get(n);
    if (known !== undefined && known !== id) throw new Error(`item ${n} is stored under two ids`);
    reality.set(n, id);
    return { ok: true, value: { id, stored: known === undefined } };
  }
  const full = new WaybillError("BACKEND_FULL", "no room");
  return (backend) => ({
    capabilities: { ...backend.capabilities, ...capabilities },
    async enqueue(messages) {
      seen += messages.length;
      if (seen > dies) return new Promise(() => undefined);
      const fate = random();
      if (fate < 0.85) return messages.map(store);
      await sleep(whole(8));
      if (fate < 0.9) return messages.map((message) => (random() < 0.1 ? { ok: false, error: full } : store(message)));
      if (fate < 0.92) throw new Error("reset before it was read");
      const some = messages.slice(0, whole(messages.length)).map(store);
      if (fate < 0.95) return some;
      if (fate < 0.97) throw new Error("reset in the middle");
      await sleep(120);
      return messages.map(store);
    },
  });
}

test("whatever a backend does, each item ends in one of three states, and what is stored agrees with it", async () => {
  const runs = await Promise.all(Array.from({ length: 40 }, (_, seed) => judged(seed)));
  const states = new Set<string>(runs.flat().map((result) => (result.ok ? "OK" : result.error.code)));
  for (const state of ["OK", "ENQUEUE_UNKNOWN", "BACKEND_UNAVAILABLE", "BACKEND_FULL", "PAYLOAD_INVALID"]) {
    expect([state, states.has(state)]).toEqual([state, true]);
  }
});

/** One stream through one hostile backend, its results held against what was stored. */
async function judged(seed: number): Promise<Result<Receipt>[]> {
  const random = randomOf(seed);
  const reality = new Map<number, string>();
  const jobs = await connected(memoryWith(hostile(reality, random)), { enqueueTimeout: "60ms", closeTimeout: "10ms" });
  const made = items(below(random, 1_200)).map((item) =>
    random() < 0.02 ? { ...item, payload: { n: Number.NaN } } : item,
  );
  const told = new Map<number, Result<Receipt>>();
  const hear = (result: Result<Receipt>, _: unknown, index: number): void => {
    if (told.has(index)) throw new Error(`item ${index} is told twice`);
    told.set(index, result);
  };
  const end = await jobs.enqueueMany(made, hear).catch((thrown: unknown) => thrown);
  if (isWaybillError(end)) expect(end.message).toContain(`after ${told.size} items`);
  else expect(end).toEqual(totalsOf([...told.values()]));
  // What the backend still does with calls that have expired.
  await sleep(250);
  for (const [index, result] of told) {
    const id = reality.get(index);
    if (result.ok) expect(id).toBe(result.value.id);
    else if (isWaybillError(result.error, "ENQUEUE_UNKNOWN")) expect([undefined, result.error.id]).toContain(id);
    else expect(id).toBe(undefined);
  }
  expect([...reality.keys()].filter((index) => !told.has(index))).toEqual([]);
  return [...told.values()];
}

function totalsOf(results: readonly Result<Receipt>[]): EnqueueCounts {
  const stored = results.filter(({ ok }) => ok).length;
  const unknown = results.filter((one) => !one.ok && one.error.code === "ENQUEUE_UNKNOWN").length;
  return { stored, unknown, notStored: results.length - stored - unknown };
}
