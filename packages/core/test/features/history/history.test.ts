import { connect, defineJob, DeadLetter, EventBus, type OutcomeEvent } from "@waybill/core";
import type { Ledger, LedgerChange } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { createHistory, type HistoryKeeper } from "../../../src/features/history/history.ts";
import { createHistoryWriter } from "../../../src/features/history/history-writer.ts";
import { countEnd, countReady } from "../../../src/features/history/minutes.ts";
import { createLedger } from "../../../src/memory/ledger.ts";
import { moveClock } from "../../../src/time/clock.ts";

const WAIT = { timeout: 20_000, interval: 20 };
const MINUTE = 60_000;
const ended = (queue: string, outcome = "completed", durationMs = 100) => ({ queue, outcome, durationMs });
const counts = (queue: string, ready: number, oldestWaitMs: number | null = 10) => ({
  queue,
  ready,
  delayed: 0,
  leased: 0,
  dead: 0,
  finished: 0,
  oldestWaitMs,
});
const newLedger = (): Ledger => {
  let version = 0;
  return createLedger(() => ++version);
};

const kept: HistoryKeeper[] = [];
afterEach(async () => {
  await Promise.all(kept.splice(0).map((one) => one.end()));
});
function keeper(ledger: Ledger | null, ready = 0) {
  const events = new EventBus();
  const inspector = { counts: async () => [counts("mail", ready)] } as never;
  const history = createHistory({ ledger, events, early: () => [], inspector: () => inspector });
  kept.push(history);
  const end = (outcome: "completed" | "retry" | "dead" | "release", durationMs = 100): void =>
    events.emit("settled", { queue: "mail", outcome, durationMs } as OutcomeEvent);
  return { ...history, end };
}

test("the workers of two processes add up in one history, which a third process reads when they are gone", async () => {
  const ledger = newLedger();
  const [one, two] = [keeper(ledger, 3), keeper(ledger, 3)];
  await Promise.all([one.read({}), two.read({})]);
  for (let at = 0; at < 100; at++) (at % 2 === 0 ? one : two).end(at % 10 === 0 ? "retry" : "completed", at * 10);
  one.end("dead");
  two.end("release");
  await Promise.all(kept.splice(0).map((history) => history.end()));
  const { kept: where, points, queues } = await keeper(ledger, 3).read({ last: "5m" });
  expect(where).toBe("ledger");
  const sum = (name: "completed" | "retried" | "dead"): number => points.reduce((all, point) => all + point[name], 0);
  expect([sum("completed"), sum("retried"), sum("dead")]).toEqual([90, 10, 1]);
  expect(queues.map(({ queue }) => queue)).toEqual(["mail"]);
  expect(points.at(-1)).toMatchObject({ ready: 3, oldestWaitMs: 10 });
});

test("percentiles of merged run times are right within 12 %", async () => {
  const ledger = newLedger();
  const writers = [createHistoryWriter(ledger), createHistoryWriter(ledger)];
  const now = Date.now();
  for (let ms = 1; ms <= 1_000; ms++)
    countEnd(writers[ms % 2]?.pending ?? new Map(), now, ended("mail", "completed", ms));
  for (const writer of writers) await writer.flush();
  const { points } = await keeper(ledger).read({ last: "10m", step: "10m" });
  const { p50Ms, p95Ms, p99Ms } = points.find(({ completed }) => completed > 0) ?? {};
  for (const [found, exact] of [
    [p50Ms, 500],
    [p95Ms, 950],
    [p99Ms, 990],
  ] as const)
    expect(Math.abs((found ?? 0) / exact - 1)).toBeLessThan(0.125);
});

test("a write whose result was lost is not added twice, and one that failed is not lost", async () => {
  const ledger = newLedger();
  let mode: "sound" | "loses the result" | "fails" = "fails";
  const unsure: Ledger = {
    ...ledger,
    async commit(changes: readonly LedgerChange[]) {
      if (mode === "fails") throw new Error("away");
      const commit = await ledger.commit(changes);
      if (mode === "loses the result") throw new Error("late");
      return commit;
    },
  };
  const writer = createHistoryWriter(unsure);
  const end = (): void => countEnd(writer.pending, Date.now(), ended("mail"));
  end();
  await expect(writer.flush()).rejects.toThrow("away");
  mode = "loses the result";
  end();
  await expect(writer.flush()).rejects.toThrow("late");
  mode = "sound";
  await writer.flush();
  await writer.flush();
  const { points } = await keeper(ledger).read({ last: "5m" });
  expect(points.reduce((sum, { completed }) => sum + completed, 0)).toBe(2);
});

test("twenty writers of one minute lose nothing to each other", async () => {
  const ledger = newLedger();
  const writers = Array.from({ length: 20 }, () => createHistoryWriter(ledger));
  for (let round = 0; round < 3; round++) {
    for (const { pending } of writers) for (let at = 0; at < 5; at++) countEnd(pending, Date.now(), ended("mail"));
    await Promise.all(writers.map((writer) => writer.flush()));
  }
  const { points } = await keeper(ledger).read({ last: "5m" });
  expect(points.reduce((sum, { completed }) => sum + completed, 0)).toBe(300);
});

test("two days of full minutes leave at most 1,500 minutes a queue in the ledger, each record within its bytes", async () => {
  const ledger = newLedger();
  const writer = createHistoryWriter(ledger);
  const moves: (() => void)[] = [];
  onTestFinished(() => moves.forEach((back) => back()));
  for (let hour = 0; hour < 48; hour++) {
    for (let minute = 0; minute < 60; minute++) {
      const at = Date.now() + (hour * 60 + minute) * MINUTE;
      for (let ms = 1; ms < 86_400_000; ms *= 1.3) countEnd(writer.pending, at, ended("mail", "completed", ms));
      countReady(writer.pending, at, [counts("mail", 1_000_000)]);
    }
    moves.push(moveClock(60 * MINUTE));
    await writer.flush();
  }
  const records = await ledger.list({ prefix: "history/hour/", limit: 1_000 });
  const own = records.filter(({ key }) => key.endsWith("/mail"));
  const minutes = own.map(
    ({ value }) => (JSON.parse(value) as { readonly minutes: readonly unknown[] }).minutes.length,
  );
  expect(minutes.reduce((a, b) => a + b)).toBeLessThanOrEqual(1_500);
  expect(Math.max(...records.map(({ value }) => value.length))).toBeLessThan(65_536);
});

test("without a ledger the history is that of this process, and says since when", async () => {
  const one = keeper(null, 7);
  const before = Date.now();
  await one.read({});
  one.end("completed");
  const { kept: where, since, points } = await one.read({ last: "1d" });
  expect(where).toBe("process");
  expect(since).toBeLessThanOrEqual(before);
  expect(points.length).toBeLessThanOrEqual(2);
  expect(points.reduce((sum, { completed }) => sum + completed, 0)).toBe(1);
  expect(points.at(-1)).toMatchObject({ ready: 7 });
});

test("a queue without a number counts as empty where the others were counted, and steps add minutes up", async () => {
  const ledger = newLedger();
  const writer = createHistoryWriter(ledger);
  const now = Date.now();
  countReady(writer.pending, now - 20 * MINUTE, [counts("mail", 4)]);
  countReady(writer.pending, now - 19 * MINUTE, [counts("crawl", 2)]);
  await writer.flush();
  await ledger.commit([
    { key: "history/request", ifVersion: "any", value: JSON.stringify({ since: now - 30 * MINUTE }) },
  ]);
  const { queues } = await keeper(ledger).read({ last: "25m" });
  const mail = queues.find(({ queue }) => queue === "mail")?.points.map(({ ready }) => ready) ?? [];
  expect(mail.filter((ready) => ready !== null).slice(0, 2)).toEqual([4, 0]);
});

test.each([
  [{ last: "90s" }, /last is "90s"; pass whole minutes, from "1m" to "1d"/],
  [{ last: "2d" }, /last is "2d"/],
  [{ step: 0 }, /step is 0/],
  [{ since: 1 }, /"since"/],
])("the query %j is refused", async (query, message) => {
  await expect(keeper(null).read(query as never)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(message) as string,
  });
});

test("the history has the jobs of a worker's first second, which end before it has looked whether it is requested", async () => {
  const store = memoryBackend();
  const [reader, worker] = [await connect(store, { log: "off" }), await connect(store, { log: "off" })];
  await reader.history();
  const job = defineJob({ type: "mail.send", queue: "mail", handler() {} });
  const ledger = (await store()).ledger;
  let settled = 0;
  worker.events.on("settled", () => (settled += 1));
  await Promise.all(Array.from({ length: 6 }, () => worker.enqueue(job, {})));
  await worker.worker({ jobs: [job], queues: ["mail"] }).start();
  await expect.poll(() => settled, WAIT).toBe(6);
  expect(await ledger.list({ prefix: "queue/check", limit: 1 })).toEqual([]);
  await expect.poll(() => ledger.list({ prefix: "queue/check", limit: 1 }), WAIT).toHaveLength(1);
  await worker.close();
  const { points } = await reader.history();
  expect(points.reduce((sum, { completed }) => sum + completed, 0)).toBe(6);
  await reader.close();
});

test("workers write nothing until the history is read once, and from then on keep it until they close", async () => {
  const store = memoryBackend();
  const [reader, worker] = [await connect(store, { log: "off" }), await connect(store, { log: "off" })];
  const job = defineJob({
    type: "mail.send",
    queue: "mail",
    handler(payload) {
      if (payload === "dead") throw new DeadLetter("no");
    },
  });
  const ledger = (await store()).ledger;
  const running = worker.worker({ jobs: [job], queues: ["mail"] });
  const settled: string[] = [];
  worker.events.on("settled", ({ id }) => settled.push(id));
  await running.start();
  await worker.enqueue(job, "one");
  await expect.poll(() => settled.length, WAIT).toBe(1);
  await running.stop();
  expect(await ledger.list({ prefix: "history/", limit: 10 })).toEqual([]);

  await reader.history();
  await ledger.commit([{ key: "queue/check", ifVersion: "any", value: null }]);
  const again = worker.worker({ jobs: [job], queues: ["mail"] });
  await again.start();
  // The worker asks with its first look for queues without a worker, of which this is the record.
  await expect.poll(() => ledger.list({ prefix: "queue/check", limit: 1 }), WAIT).toHaveLength(1);
  await worker.enqueue(job, "dead");
  await expect.poll(() => settled.length, WAIT).toBe(2);
  await again.stop();
  await worker.close();
  const { points } = await reader.history();
  expect(points.reduce((sum, { dead }) => sum + dead, 0)).toBe(1);
  await reader.close();
});
