import { expect, test } from "vitest";
import { defineJob, defineSchedule, type TickEvent, WaybillError } from "../../../src/index.ts";
import { type LedgerBackend } from "../../../src/exports/backend.ts";
import { foundSchedule, scheduleKey } from "../../../src/features/schedules/schedule-state.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf, memoryWith } from "../../helpers/connected.ts";

test("a job whose ack was lost after its end was recorded is delivered again, and does not run again", async () => {
  let runs = 0;
  let acks = 0;
  const job = defineJob({ type: "once", handler: () => void (runs += 1) });
  const lost = new WaybillError("LEASE_LOST", "the worker died");
  const store = memoryWith((backend) => ({
    ack: async (leases) => ((acks += 1) === 1 ? leases.map(() => ({ ok: false, error: lost })) : backend.ack(leases)),
  }));
  const jobs = await connected(store);
  const schedules = [defineSchedule({ name: "s", job, payload: {}, afterCompletion: "1h" })];
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await jobs.worker({ jobs: [job], schedules, lease: "500ms" }).start();
  expect(await completed).toMatchObject({ type: "once", lost: 1 });
  expect([runs, acks]).toEqual([1, 2]);
});

test("the job of a scheduler that died before it ended its reservation runs once: no other stores it again meanwhile", async () => {
  const store = memoryBackend();
  const { ledger } = await store();
  const firing = async (): Promise<unknown> => {
    const [record = null] = await ledger.read([scheduleKey("s")]);
    return record && foundSchedule(record)?.state.firing;
  };
  let hasReserved = false;
  const dying = await connected(async () => {
    const backend = (await store()) as LedgerBackend;
    const commit: typeof ledger.commit = async (changes) => {
      if (hasReserved) throw new WaybillError("BACKEND_UNAVAILABLE", "the scheduler died");
      hasReserved = changes.some(({ value }) => value?.includes('"firing":[') === true);
      return backend.ledger.commit(changes);
    };
    return { ...backend, ledger: { ...backend.ledger, commit } };
  });
  let seen: unknown = "not run";
  const job = defineJob({
    type: "chain",
    queue: "elsewhere",
    async handler() {
      seen = await firing();
    },
  });
  const idle = defineJob({ type: "idle", handler() {} });
  const schedules = [defineSchedule({ name: "s", job, payload: {}, afterCompletion: "1h" })];
  const failed = eventOf(dying, "unscheduled");
  await dying.worker({ jobs: [idle], schedules }).start();
  expect(await failed).toMatchObject({ message: expect.stringContaining("the scheduler died") });
  expect(await firing()).toHaveLength(1);
  const jobs = await connected(store);
  const completed = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [job] }).start();
  expect(await completed).toMatchObject({ type: "chain", outcome: "completed" });
  expect(seen).toBeNull();
});

test("a dead letter has ended, and runs again when it is replayed", async () => {
  let fails = true;
  const job = defineJob({
    type: "fails",
    retry: { maxAttempts: 1 },
    handler() {
      if (fails) throw new Error("not yet");
    },
  });
  const jobs = await connected();
  const schedules = [defineSchedule({ name: "s", job, payload: {}, afterCompletion: "1h" })];
  await jobs.worker({ jobs: [job], schedules }).start();
  const { id } = await eventOf(jobs, "settled", ({ outcome }) => outcome === "dead");
  expect((await jobs.schedules.list())[0]?.last).toMatchObject({ id, endedAt: expect.any(Number) });
  fails = false;
  const started = eventOf(jobs, "started");
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await jobs.inspector?.replay({ ids: [id] });
  expect((await started).id).toBe(id);
  expect((await completed).id).toBe(id);
});

test("a job that was cancelled while it waited does not block its schedule", async () => {
  const elsewhere = defineJob({ type: "elsewhere", queue: "elsewhere" });
  const noop = defineJob({ type: "noop", handler() {} });
  const jobs = await connected();
  const ticks: TickEvent[] = [];
  jobs.events.on("tick", (tick) => void ticks.push(tick));
  const schedules = [defineSchedule({ name: "s", job: elsewhere, payload: {}, every: "1s", overlap: "skip" })];
  await jobs.worker({ jobs: [noop], schedules }).start();
  await eventOf(jobs, "tick", ({ result }) => result === "skipped_overlap");
  const [first] = ticks;
  expect(first?.result).toBe("enqueued");
  expect(ticks.filter(({ result }) => result === "enqueued")).toHaveLength(1);
  await jobs.cancel(first?.id ?? "");
  expect(await eventOf(jobs, "tick", ({ result }) => result === "enqueued")).not.toMatchObject({ id: first?.id });
});

test("a schedule that this host cannot read does not stop the others, and is reported", async () => {
  const factory = memoryBackend();
  const job = defineJob({ type: "tick", handler() {} });
  const jobs = await connected(factory);
  const { ledger } = await factory();
  await jobs.schedules.put(defineSchedule({ name: "bad", job, payload: {}, cron: "* * * * *" }));
  const [record] = await ledger.read([scheduleKey("bad")]);
  const value = (record?.value ?? "").replace('"timeZone":"UTC"', '"timeZone":"Mars/Olympus"');
  await ledger.commit([{ key: scheduleKey("bad"), ifVersion: "any", value, dueInMs: 0 }]);
  const reported = eventOf(jobs, "unscheduled");
  const ticked = eventOf(jobs, "tick");
  await jobs
    .worker({ jobs: [job], schedules: [defineSchedule({ name: "good", job, payload: {}, every: "1s" })] })
    .start();
  expect((await reported).message).toContain('"Mars/Olympus", which is no time zone');
  expect(await ticked).toMatchObject({ schedule: "good", result: "enqueued" });
});

test("schedules go on once their ledger is back, and jobs without one do not notice", async () => {
  const factory = memoryBackend();
  let isAway = true;
  const away = async (): Promise<never> => {
    throw new WaybillError("BACKEND_UNAVAILABLE", "the ledger is away");
  };
  const jobs = await connected(async () => {
    const backend = await factory();
    const { ledger } = backend;
    const calls = { read: ledger.read, commit: ledger.commit, list: ledger.list, due: ledger.due };
    const flaky = Object.fromEntries(
      Object.entries(calls).map(([name, call]) => [name, (given: never) => (isAway ? away() : call(given))]),
    );
    return { ...backend, ledger: flaky as unknown as typeof ledger };
  });
  const job = defineJob({ type: "tick", handler() {} });
  const unscheduled = eventOf(jobs, "unscheduled");
  const schedules = [defineSchedule({ name: "s", job, payload: {}, every: "1s" })];
  await jobs.worker({ jobs: [job], schedules }).start();
  expect(await unscheduled).toMatchObject({ message: expect.stringContaining("the ledger is away") });
  const completed = eventOf(jobs, "settled");
  await jobs.enqueue(job, {});
  expect(await completed).toMatchObject({ outcome: "completed" });
  isAway = false;
  expect(await eventOf(jobs, "tick")).toMatchObject({ schedule: "s", result: "enqueued" });
});
