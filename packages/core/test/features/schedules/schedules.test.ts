import { expect, test } from "vitest";
import { z } from "zod";
import { defineJob, defineSchedule, type TickEvent } from "../../../src/index.ts";
import type { LedgerBackend } from "../../../src/exports/backend.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf } from "../../helpers/connected.ts";

const noop = defineJob({ type: "noop", handler() {} });

test("a worker's schedule runs its job at each tick, and the job knows the tick", async () => {
  const payloads: unknown[] = [];
  const report = defineJob({
    type: "report",
    payload: z.object({ shop: z.string() }),
    handler: (payload, job) => void payloads.push([payload, job.schedule, job.envelope.meta?.["schedule"]]),
  });
  const jobs = await connected();
  const ticks: TickEvent[] = [];
  jobs.events.on("tick", (tick) => void ticks.push(tick));
  const schedules = [defineSchedule({ name: "reports", job: report, payload: { shop: "s1" }, every: "1s" })];
  await jobs.worker({ jobs: [report], schedules }).start();
  await eventOf(jobs, "settled", () => payloads.length === 2);
  expect(ticks.map(({ result, schedule }) => [schedule, result])).toEqual([
    ["reports", "enqueued"],
    ["reports", "enqueued"],
  ]);
  expect((ticks[1]?.due ?? 0) - (ticks[0]?.due ?? 0)).toBe(1_000);
  const at = new Date(ticks[0]?.due ?? 0).toISOString();
  expect(payloads[0]).toEqual([{ shop: "s1" }, { name: "reports", at: new Date(at) }, { name: "reports", at }]);
});

test("a schedule that is put at run time is fired by a worker that declares none", async () => {
  const jobs = await connected();
  await jobs.worker({ jobs: [noop] }).start();
  await jobs.schedules.put(defineSchedule({ name: "put", job: noop, payload: {}, afterCompletion: "1h" }));
  expect(await eventOf(jobs, "settled")).toMatchObject({ type: "noop", outcome: "completed" });
  expect(await jobs.schedules.list()).toMatchObject([
    { name: "put", type: "noop", queue: "default", from: "put", paused: false, last: { endedAt: expect.any(Number) } },
  ]);
});

test("each tick of three schedulers is one job", async () => {
  const ran: string[] = [];
  const job = defineJob({ type: "tick", handler: (_, { id }) => void ran.push(id) });
  const store = memoryBackend();
  const schedules = [defineSchedule({ name: "s", job, payload: {}, every: "1s" })];
  const all = await Promise.all([1, 2, 3].map(() => connected(store)));
  const fired: number[] = [];
  for (const jobs of all) jobs.events.on("tick", ({ due }) => void fired.push(due));
  for (const jobs of all) await jobs.worker({ jobs: [job], schedules }).start();
  await expect.poll(() => ran.length, { timeout: 15_000, interval: 100 }).toBeGreaterThanOrEqual(4);
  expect(new Set(ran).size).toBe(ran.length);
  // Not even enqueued twice: one of the three has reserved it.
  expect(new Set(fired).size).toBe(fired.length);
});

test("a paused schedule keeps its pause over a restart, runs when asked, and ticks again once it is resumed", async () => {
  const store = memoryBackend();
  const job = defineJob({ type: "tick", handler() {} });
  const schedules = [defineSchedule({ name: "s", job, payload: {}, every: "1s" })];
  const first = await connected(store);
  const worker = first.worker({ jobs: [job], schedules });
  await worker.start();
  await first.schedules.pause("s");
  await worker.stop();
  const jobs = await connected(store);
  await jobs.worker({ jobs: [job], schedules }).start();
  expect(await jobs.schedules.list()).toMatchObject([{ name: "s", from: "code", paused: true, next: [] }]);
  const ran = eventOf(jobs, "settled");
  const { id } = await jobs.schedules.runNow("s");
  expect(await ran).toMatchObject({ id, outcome: "completed" });
  const ticked = eventOf(jobs, "tick");
  await jobs.schedules.resume("s");
  expect(await ticked).toMatchObject({ schedule: "s", result: "enqueued" });
});

test("a schedule of the code is changed there, not by put or remove", async () => {
  const jobs = await connected();
  const schedule = defineSchedule({ name: "s", job: noop, payload: {}, cron: "0 9 * * MON" });
  const worker = jobs.worker({ jobs: [noop], schedules: [schedule] });
  await worker.start();
  await expect(jobs.schedules.put(schedule)).rejects.toThrow(/"s" is declared by a worker that runs now: change it/);
  await expect(jobs.schedules.remove("s")).rejects.toThrow(/"s" is declared by a worker that runs now: remove it/);
  await worker.stop();
  expect(await jobs.schedules.list()).toMatchObject([{ name: "s", from: "orphan", next: [] }]);
  expect(await jobs.schedules.remove("s")).toBe(true);
  expect(await jobs.schedules.remove("s")).toBe(false);
  expect(await jobs.schedules.list()).toEqual([]);
});

test("list names the next ticks in order", async () => {
  const jobs = await connected();
  await jobs.schedules.put(
    defineSchedule({ name: "b", job: "any", payload: {}, cron: "0 9 * * MON", timeZone: "Europe/Vienna" }),
  );
  await jobs.schedules.put(defineSchedule({ name: "a", job: "any", payload: 1, every: "1d", queue: "q" }));
  const [a, b] = await jobs.schedules.list();
  expect(a).toMatchObject({ name: "a", type: "any", queue: "q", timing: { kind: "every", ms: 86_400_000 } });
  expect(a?.next.map((at) => at % 86_400_000)).toEqual([0, 0, 0, 0, 0]);
  const day = new Intl.DateTimeFormat("en", { timeZone: "Europe/Vienna", weekday: "short" });
  const hour = new Intl.DateTimeFormat("en", { timeZone: "Europe/Vienna", hour: "2-digit", hourCycle: "h23" });
  expect(new Set(b?.next.map((at) => day.format(at)))).toEqual(new Set(["Mon"]));
  expect(new Set(b?.next.map((at) => hour.format(at)))).toEqual(new Set(["09"]));
});

test.each([
  ["pause", "none"],
  ["resume", "none"],
  ["runNow", "none"],
] as const)("%s of an unknown schedule says so", async (call, name) => {
  const jobs = await connected();
  await expect(jobs.schedules[call](name)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: 'there is no schedule called "none"; list() names those there are',
  });
});

test("a schedule of a type that no job can have is not stored", async () => {
  const jobs = await connected();
  const unfit = defineSchedule({ name: "s", job: "a b", payload: {}, every: "1s" });
  await expect(jobs.schedules.put(unfit)).rejects.toMatchObject({ code: "CONFIG_INVALID", message: /type .* "a b"/ });
  expect(await jobs.schedules.list()).toEqual([]);
});

test("a worker does not start with a schedule that cannot work", async () => {
  const strict = defineJob({ type: "strict", payload: z.object({ shop: z.string() }), handler() {} });
  const jobs = await connected();
  const started = (schedule: ReturnType<typeof defineSchedule>): Promise<void> =>
    jobs.worker({ jobs: [strict, noop], schedules: [schedule] }).start();
  const impossible = defineSchedule({ name: "s", job: noop, payload: {}, cron: "0 0 30 2 *" });
  await expect(started(impossible)).rejects.toMatchObject({ code: "CONFIG_INVALID", message: /no such date/ });
  const unfit = defineSchedule({ name: "s", job: strict, payload: { shop: 1 } as never, every: "1s" });
  await expect(started(unfit)).rejects.toMatchObject({
    code: "PAYLOAD_INVALID",
    message: /"strict" in schedule "s" .*shop: /,
  });
  const large = defineSchedule({ name: "s", job: noop, payload: "x".repeat(20_000), every: "1s" });
  await expect(started(large)).rejects.toMatchObject({ code: "CONFIG_INVALID", message: /may have 16384/ });
  expect(await jobs.schedules.list()).toEqual([]);
});

test("a backend without a ledger refuses schedules, and says how to give it one", async () => {
  const factory = memoryBackend();
  const jobs = await connected(async () => {
    const { ledger: _, ...backend } = await factory();
    return backend;
  });
  const schedule = defineSchedule({ name: "s", job: noop, payload: {}, every: "1s" });
  const refusal = { code: "CAPABILITY_MISSING", message: expect.stringContaining("{ ledger: ") };
  expect(() => jobs.worker({ jobs: [noop], schedules: [schedule] })).toThrow(expect.objectContaining(refusal));
  await expect(jobs.schedules.put(schedule)).rejects.toMatchObject(refusal);
  await expect(jobs.schedules.list()).rejects.toMatchObject(refusal);
});

test.each([
  ["are damaged", () => "{"],
  ["lack what a schedule needs", () => '{"v":1,"declared":null}'],
  ["are of a later release", (name: string) => JSON.stringify({ v: 2, name })],
  ["cannot be planned", (name: string) => unplannable(name)],
])("more records than one round reads, which %s, stop no other schedule", async (_, valueOf) => {
  const store = memoryBackend();
  const jobs = await connected(store);
  const { ledger } = (await store()) as LedgerBackend;
  const names = Array.from({ length: 450 }, (_none, at) => `a${at}`);
  await ledger.commit(
    names.map((name) => ({ key: `schedule/at/${name}`, ifVersion: "any", value: valueOf(name), dueInMs: 0 })),
  );
  const settled = eventOf(jobs, "settled");
  await jobs.schedules.put(defineSchedule({ name: "good", job: noop, payload: {}, afterCompletion: "1h" }));
  await jobs.worker({ jobs: [noop] }).start();
  expect(await settled).toMatchObject({ type: "noop", outcome: "completed" });
});

test.each([{ next: { at: "x" } }, { last: 5 }, { done: [null] }, { firing: [{}] }, { dueAt: "x" }, { queued: [] }])(
  "a record with %j is reported once, and stops no other schedule and no list",
  async (damage) => {
    const store = memoryBackend();
    const { ledger } = (await store()) as LedgerBackend;
    const state = { ...(JSON.parse(unplannable("bad")) as object), ...damage };
    const zone = { key: "schedule/at/zone", ifVersion: "any", value: unplannable("zone") } as const;
    const bad = { key: "schedule/at/bad", ifVersion: "any", value: JSON.stringify(state), dueInMs: 0 } as const;
    await ledger.commit([zone, bad]);
    const jobs = await connected(store);
    const messages: string[] = [];
    jobs.events.on("unscheduled", ({ message }) => void messages.push(message));
    const schedules = ["s", "bad"].map((name) => defineSchedule({ name, job: noop, payload: {}, every: "1s" }));
    await jobs.worker({ jobs: [noop], schedules }).start();
    for (let ticks = 0; ticks < 2; ticks++) expect(await eventOf(jobs, "tick")).toMatchObject({ schedule: "s" });
    expect(messages).toEqual([expect.stringMatching(/^the ledger record "schedule\/at\/bad" is left out: /)]);
    expect((await jobs.schedules.list()).map(({ name }) => name)).toEqual(["s", "zone"]);
  },
);

/** A schedule in a time zone that no host knows. */
function unplannable(name: string): string {
  const timing = { kind: "cron", cron: "0 0 * * *", timeZone: "Nowhere/None" };
  const job = { spec: "waybill/1", type: "noop", args: [{}] };
  const definition = { timing, overlap: "allow", missed: "skip", maxMissed: 1, jitterMs: 0, job };
  const tick = { at: 0, skipped: null };
  const state = { declared: null, paused: false, next: tick, queued: null, firing: null, last: null };
  return JSON.stringify({ v: 1, name, definition, ...state, done: [], orphanedAt: null, dueAt: 0 });
}
