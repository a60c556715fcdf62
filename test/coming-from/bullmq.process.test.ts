import { connect, defineJob } from "@waybill/core";
import { startRedis } from "@waybill/test-servers";
import { type JobsOptions, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { programsOf } from "./page-programs.ts";
import { type JobData, startRuns } from "./runs.ts";

const PAGE = "docs/coming-from/bullmq.md";
const HOUR_MS = 3_600_000;
const numbersFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, at) => first + at);
const busy = { timeout: 60_000, interval: 50 };

/** By number: 100 completed, 80 failed, 100 between two attempts, 20 running, 270 waiting, 150 prioritised, 110 delayed, 110 by an hour, 60 added meanwhile. */
const groups = {
  completed: numbersFrom(1, 100),
  failed: numbersFrom(101, 80),
  retrying: numbersFrom(181, 100),
  running: numbersFrom(281, 20),
  waiting: numbersFrom(301, 270),
  prioritised: numbersFrom(571, 150),
  delayed: numbersFrom(721, 110),
  byAnHour: numbersFrom(831, 110),
  added: numbersFrom(941, 60),
};

test("the move of docs/coming-from/bullmq.md moves 1,000 jobs while both sides run: none is lost, none runs twice", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const page = programsOf(PAGE, { "redis://localhost:6379": redis.url });
  onTestFinished(page.remove);
  const runs = startRuns();
  onTestFinished(runs.openGate);
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  const queue = new Queue<JobData>("mail", { connection: { url: redis.url } });
  onTestFinished(() => queue.close());
  const add = (numbers: readonly number[], opts: (at: number) => JobsOptions, data: Partial<JobData> = {}) =>
    queue.addBulk(
      numbers.map((number, at) => ({
        name: "send",
        data: { to: `${number}@example.com`, number, ...data },
        opts: opts(at),
      })),
    );
  const oldWorker = (concurrency: number) =>
    new Worker<JobData>("mail", ({ data }) => runs.run("old", data), {
      connection: { url: redis.url },
      concurrency,
      drainDelay: 1,
    });

  // What BullMQ's workers have done before the move.
  await add(groups.completed, () => ({}));
  await add(groups.failed, () => ({ attempts: 1 }), { fails: 99 });
  // One of three attempts is spent; every tenth fails each time.
  await add(groups.retrying, (at) => ({ attempts: 3, backoff: { type: "fixed", delay: 3_000 + at } }), { fails: 2 });
  const before = oldWorker(50);
  await expect
    .poll(() => queue.getJobCounts("completed", "failed", "delayed"), busy)
    .toEqual({ completed: 100, failed: 80, delayed: 100 });
  await before.close();
  const nextAttempts = new Map(await dueTimes(queue, client));

  // What waits when the move begins, and a scheduler.
  await add(groups.running, () => ({ lifo: false }), { gated: true });
  const during = oldWorker(20);
  onTestFinished(() => during.close());
  await expect.poll(() => queue.getActiveCount(), busy).toBe(20);
  await add(groups.waiting, () => ({}), { gated: true });
  await add(groups.prioritised, (at) => ({ priority: 1 + (at % 10) }), { gated: true });
  const delayed = await add(groups.delayed, (at) => ({ delay: 4_000 + 10 * at }));
  const byAnHour = await add(groups.byAnHour, (at) => ({ delay: HOUR_MS, ...(at < 10 && { priority: 5 }) }));
  const due = new Map([...delayed, ...byAnHour].map(({ data, timestamp, delay }) => [data.number, timestamp + delay]));
  await queue.upsertJobScheduler(
    "monday",
    { pattern: "0 9 * * MON", tz: "Europe/Vienna" },
    { name: "send", data: { to: "monday", number: 0 } },
  );

  // The new side.
  const jobs = await connect(redis.url, { rememberIds: "7d", log: "off" });
  onTestFinished(() => jobs.close());
  const sendMail = defineJob<JobData>({ type: "mail.send", queue: "mail", handler: (data) => runs.run("new", data) });
  const worker = jobs.worker({ jobs: [sendMail], concurrency: 20 });
  await worker.start();

  expect(await page.run("move-schedules.js")).toBe("moved the schedule monday\n");
  expect(await queue.getJobSchedulers()).toEqual([]);
  expect(await jobs.schedules.list()).toMatchObject([
    { name: "monday", type: "mail.send", timing: { kind: "cron", cron: "0 9 * * MON", timeZone: "Europe/Vienna" } },
  ]);

  const killed = page.start("move.js");
  const arrived = async (): Promise<number> => {
    const [mail] = (await jobs.inspector?.counts(["mail"])) ?? [];
    return (mail?.ready ?? 0) + (mail?.delayed ?? 0) + (runs.by.get("new") ?? 0);
  };
  await expect.poll(async () => (await arrived()) >= 100 || killed.output(), busy).toBe(true);
  killed.child.kill("SIGKILL");
  await killed.ended;
  runs.openGate();
  const [, report] = await Promise.all([add(groups.added, () => ({})), page.run("move.js")]);

  expect(JSON.parse(report)).toMatchObject({ dead: 80, left: [] });
  expect(await client.exists("bull:mail:waybill-import")).toBe(0);
  expect(await queue.getJobCounts("waiting", "prioritized", "delayed", "active", "failed")).toEqual({
    waiting: 0,
    prioritized: 0,
    delayed: 0,
    active: 0,
    failed: 0,
  });

  const runsOnce = [
    ...groups.completed,
    ...groups.retrying,
    ...groups.running,
    ...groups.waiting,
    ...groups.prioritised,
    ...groups.delayed,
    ...groups.added,
  ];
  await expect.poll(() => runsOnce.filter((number) => !runs.done.has(number)), busy).toEqual([]);
  expect([...runs.done].filter(([, times]) => times !== 1)).toEqual([]);
  expect(runs.done.size).toBe(810);
  // The completed and the running at least; how the others are shared out is a matter of time.
  expect(runs.by.get("old")).toBeGreaterThanOrEqual(120);
  expect(runs.by.get("new")).toBeGreaterThan(0);

  // Attempts: each of the retrying has failed twice, and its third run, the last that it has, ended well.
  expect(groups.retrying.map((number) => runs.failures.get(number))).toEqual(groups.retrying.map(() => 2));
  // Delays: nothing has started before its time, and what is due in an hour has kept its millisecond.
  const early = groups.delayed.filter((number) => (runs.starts.get(number)?.[0] ?? 0) < (due.get(number) ?? Infinity));
  expect(early).toEqual([]);
  expect([...nextAttempts].filter(([number, at]) => (runs.starts.get(number)?.[1] ?? 0) < at)).toEqual([]);
  const later = await jobs.list({ queue: "mail", state: "delayed", limit: 1_000 });
  const kept = later.jobs.map(({ body, priority }) => [numberIn(body), dueIn(body), priority] as const);
  expect(kept.toSorted(([a], [b]) => a - b)).toEqual(
    groups.byAnHour.map((number, at) => [number, due.get(number), at < 10 ? -5 : 0]),
  );
  expect(later.jobs.filter(({ body, dueAt }) => (dueAt ?? 0) < dueIn(body))).toEqual([]);
  // What had failed is a dead letter with its error.
  const letters = (await jobs.inspector?.deadLetters({ queue: "mail.failed", limit: Infinity })) ?? [];
  expect(
    letters.map(({ body, reason }) => [numberIn(body), reason.message]).toSorted(([a], [b]) => Number(a) - Number(b)),
  ).toEqual(groups.failed.map((number) => [number, `run 1 of job ${number} fails`]));

  // Undone: what is due now returns to BullMQ by its page's program, and its workers run it.
  await worker.stop();
  const due10 = groups.byAnHour.slice(0, 10);
  const ids = later.jobs.filter(({ body }) => due10.includes(numberIn(body))).map(({ id }) => id);
  for (const id of ids) await jobs.runNow(id);
  const back = page.start("back.js");
  await expect.poll(() => due10.filter((number) => runs.done.get(number) !== 1), busy).toEqual([]);
  back.child.kill("SIGINT");
  await back.ended;
});

function numberIn(body: string): number {
  return (JSON.parse(body) as { args: [JobData] }).args[0].number;
}

/** When the envelope says that the job may start. */
function dueIn(body: string): number {
  return Date.parse((JSON.parse(body) as { scheduled_at: string }).scheduled_at);
}

/** When each delayed job becomes ready, by its number, as BullMQ itself says it. */
async function dueTimes(queue: Queue<JobData>, client: Redis): Promise<[number, number][]> {
  const scores = await client.zrange("bull:mail:delayed", "0", "-1", "WITHSCORES");
  const dueById = new Map(
    scores.flatMap((id, at) => (at % 2 === 0 ? [[id, Math.floor(Number(scores[at + 1]) / 4_096)] as const] : [])),
  );
  return (await queue.getDelayed()).map(({ id = "", data }) => [data.number, dueById.get(id) ?? 0]);
}
