import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { defineJob, defineSchedule, type Jobs, type TickEvent, type Worker } from "../../../src/index.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { moveClock } from "../../../src/time/clock.ts";
import { connected, eventOf } from "../../helpers/connected.ts";

const restore: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const back of restore.splice(0)) back();
});

/** A job that records the payloads that it ran with. */
function recorder() {
  const ran: unknown[] = [];
  return { ran, job: defineJob({ type: "recorded", handler: (payload) => void ran.push(payload) }) };
}

const ticksOf = (jobs: Jobs): TickEvent[] => {
  const ticks: TickEvent[] = [];
  jobs.events.on("tick", (tick) => void ticks.push(tick));
  return ticks;
};

test("in a rolling deployment the newer program's definition counts, and a name ticks while a worker declares it", async () => {
  const { ran, job } = recorder();
  const store = memoryBackend();
  const program = async (version: string, names: readonly string[]): Promise<Worker> => {
    const jobs = await connected(store, { version });
    const schedules = names.map((name) => defineSchedule({ name, job, payload: `${version} ${name}`, every: "1s" }));
    const worker = jobs.worker({ jobs: [job], schedules, heartbeat: "2s" });
    await worker.start();
    return worker;
  };
  const old = await program("1", ["both", "renamed", "removed"]);
  await expect.poll(() => new Set(ran), { timeout: 8_000 }).toEqual(new Set(["1 both", "1 renamed", "1 removed"]));
  const fresh = await program("2", ["both", "new-name"]);
  await expect.poll(() => ran, { timeout: 8_000 }).toContain("2 new-name");
  ran.splice(0);
  const beside = new Set(["2 both", "1 renamed", "1 removed", "2 new-name"]);
  await expect.poll(() => new Set(ran), { timeout: 8_000 }).toEqual(beside);
  await old.stop();
  await sleep(100);
  ran.splice(0);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(6);
  expect(new Set(ran)).toEqual(new Set(["2 both", "2 new-name"]));
  await fresh.stop();
});

test("a program that is rolled back decides again once no worker of the newer one runs", async () => {
  const { ran, job } = recorder();
  const store = memoryBackend();
  const program = async (version: string): Promise<Worker> => {
    const jobs = await connected(store, { version });
    const schedules = [defineSchedule({ name: "s", job, payload: version, every: "1s" })];
    const worker = jobs.worker({ jobs: [job], schedules, heartbeat: "2s" });
    await worker.start();
    return worker;
  };
  await program("1");
  const fresh = await program("2");
  await expect.poll(() => ran.at(-1), { timeout: 8_000 }).toBe("2");
  await fresh.stop();
  await expect.poll(() => ran.at(-1), { timeout: 8_000 }).toBe("1");
});

test.each([
  ["skip", 0],
  ["run_once", 1],
  ["run_all", 3],
] as const)("after three days without a worker, %s runs %i of the missed ticks", async (missed, count) => {
  const { ran, job } = recorder();
  const store = memoryBackend();
  const options = { name: "s", job, payload: {}, cron: "0 3 * * *", timeZone: "Europe/Vienna", missed } as const;
  const schedules = [defineSchedule(options)];
  const first = (await connected(store)).worker({ jobs: [job], schedules });
  await first.start();
  await first.stop();
  restore.push(moveClock(3 * 86_400_000));
  const jobs = await connected(store);
  const ticks = ticksOf(jobs);
  await jobs.worker({ jobs: [job], schedules }).start();
  await eventOf(jobs, "tick");
  await expect.poll(() => ran.length, { timeout: 8_000 }).toBe(count);
  await sleep(300);
  expect(ran).toHaveLength(count);
  expect(ticks.map(({ result }) => result)).toEqual(
    count === 0 ? ["skipped_missed"] : Array.from({ length: count }, () => "enqueued"),
  );
});

test("ticks of three days without a worker are missed also where the next program has another definition", async () => {
  const { ran, job } = recorder();
  const store = memoryBackend();
  const options = { name: "s", job, cron: "0 3 * * *", timeZone: "Europe/Vienna", missed: "skip" } as const;
  const first = (await connected(store)).worker({
    jobs: [job],
    schedules: [defineSchedule({ ...options, payload: 1 })],
  });
  await first.start();
  await first.stop();
  restore.push(moveClock(3 * 86_400_000));
  const jobs = await connected(store);
  const ticks = ticksOf(jobs);
  await jobs.worker({ jobs: [job], schedules: [defineSchedule({ ...options, payload: 2 })] }).start();
  await eventOf(jobs, "tick");
  await sleep(300);
  expect(ticks.map(({ result }) => result)).toEqual(["skipped_missed"]);
  expect(ran).toEqual([]);
});

test.each([
  ["back", -3_600_000],
  ["ahead", 3_600_000],
])("a worker's clock that is set %s by an hour fires no tick twice and loses none", async (_, byMs) => {
  const { ran, job } = recorder();
  const jobs = await connected();
  const ticks = ticksOf(jobs);
  await jobs.worker({ jobs: [job], schedules: [defineSchedule({ name: "s", job, payload: {}, every: "1s" })] }).start();
  await expect.poll(() => ticks.length, { timeout: 8_000 }).toBeGreaterThanOrEqual(2);
  const real = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => real() + byMs);
  await expect.poll(() => ticks.length, { timeout: 12_000 }).toBeGreaterThanOrEqual(5);
  vi.restoreAllMocks();
  await expect.poll(() => ticks.length, { timeout: 12_000 }).toBeGreaterThanOrEqual(7);
  const due = ticks.map((tick) => tick.due);
  expect(due).toEqual(due.map((__, n) => (due[0] ?? 0) + n * 1_000));
  await expect.poll(() => ran.length, { timeout: 8_000 }).toBeGreaterThanOrEqual(ticks.length - 1);
});
