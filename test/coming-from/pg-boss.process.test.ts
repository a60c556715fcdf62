import { connect, defineJob } from "@waybill/core";
import { startPostgres } from "@waybill/test-servers";
import { Pool } from "pg";
import { type JobInsert, PgBoss } from "pg-boss";
import { expect, onTestFinished, test } from "vitest";
import { programsOf } from "./page-programs.ts";
import { type JobData, startRuns } from "./runs.ts";

const PAGE = "docs/coming-from/pg-boss.md";
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

test("the move of docs/coming-from/pg-boss.md moves 1,000 jobs while both sides run: none is lost, none runs twice", async () => {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  const page = programsOf(PAGE, { "postgres://localhost/shop": server.url });
  onTestFinished(page.remove);
  const runs = startRuns();
  onTestFinished(runs.openGate);
  const pool = new Pool({ connectionString: server.url, max: 2 });
  // The server is stopped after it.
  onTestFinished(() => pool.end());
  const boss = new PgBoss({ connectionString: server.url, max: 10, schedule: false });
  boss.on("error", () => undefined);
  await boss.start();
  onTestFinished(() => boss.stop({ graceful: false }));
  await boss.createQueue("mail", { retryLimit: 2, retryDelay: 0 });

  const add = (numbers: readonly number[], options: (at: number) => Partial<JobInsert>, data: Partial<JobData> = {}) =>
    boss.insert(
      "mail",
      numbers.map((number, at) => ({ data: { to: `${number}@example.com`, number, ...data }, ...options(at) })),
    );
  const work = (localConcurrency: number) =>
    boss.work<JobData>("mail", { localConcurrency, pollingIntervalSeconds: 0.5 }, ([job]) =>
      job === undefined ? Promise.resolve() : runs.run("old", job.data),
    );
  async function counts(): Promise<Record<string, number>> {
    const { rows } = await pool.query<{ state: string; count: number }>(
      "SELECT state::text, count(*)::int FROM pgboss.job GROUP BY 1",
    );
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  // What pg-boss's workers have done before the move.
  await add(groups.completed, () => ({}));
  await add(groups.failed, () => ({ retryLimit: 0 }), { fails: 99 });
  // One of three attempts is spent.
  await add(groups.retrying, () => ({ retryLimit: 2, retryDelay: 3 }), { fails: 2 });
  await work(80);
  await expect.poll(counts, busy).toEqual({ completed: 100, failed: 80, retry: 100 });
  await boss.offWork("mail", { wait: true });
  const retries = await pool.query<{ number: number; due: Date }>(
    "SELECT (data->>'number')::int AS number, start_after AS due FROM pgboss.job WHERE state = 'retry'",
  );
  expect(retries.rows).toHaveLength(100);

  // What waits when the move begins, and a schedule.
  await add(groups.running, () => ({ priority: 1_000 }), { gated: true });
  await work(20);
  await expect.poll(async () => (await counts()).active, busy).toBe(20);
  const startsAt = Date.now() + 4_000;
  const inAnHour = Date.now() + 3_600_000;
  await add(groups.waiting, () => ({}), { gated: true });
  await add(groups.prioritised, (at) => ({ priority: 1 + (at % 10) }), { gated: true });
  await add(groups.delayed, (at) => ({ startAfter: new Date(startsAt + 10 * at) }));
  await add(groups.byAnHour, (at) => ({ startAfter: new Date(inAnHour + at), ...(at < 10 && { priority: 5 }) }));
  await boss.schedule("mail", "0 9 * * MON", { to: "monday", number: 0 }, { tz: "Europe/Vienna" });

  // The new side.
  const jobs = await connect(server.url, { rememberIds: "7d", log: "off" });
  onTestFinished(() => jobs.close());
  const sendMail = defineJob<JobData>({ type: "mail.send", queue: "mail", handler: (data) => runs.run("new", data) });
  const worker = jobs.worker({ jobs: [sendMail], concurrency: 20 });
  await worker.start();

  expect(await page.run("move-schedules.js")).toBe("moved the schedule mail\n");
  expect(await boss.getSchedules()).toEqual([]);
  expect(await jobs.schedules.list()).toMatchObject([
    { name: "mail", type: "mail.send", timing: { kind: "cron", cron: "0 9 * * MON", timeZone: "Europe/Vienna" } },
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
  expect(JSON.parse(report)).toMatchObject({ left: [] });
  expect((await pool.query("SELECT id FROM pgboss.waybill_import")).rows).toEqual([]);
  // What pg-boss's own workers have run.
  expect(await counts()).toEqual({ completed: runs.by.get("old") });

  const runOnce = [
    ...groups.completed,
    ...groups.retrying,
    ...groups.running,
    ...groups.waiting,
    ...groups.prioritised,
    ...groups.delayed,
    ...groups.added,
  ];
  await expect.poll(() => runOnce.filter((number) => !runs.done.has(number)), busy).toEqual([]);
  expect([...runs.done].filter(([, times]) => times !== 1)).toEqual([]);
  expect(runs.done.size).toBe(810);
  expect(runs.by.get("old")).toBeGreaterThanOrEqual(120);
  expect(runs.by.get("new")).toBeGreaterThan(0);

  // Attempts: each of the retrying has failed twice, and its third run, the last that it has, ended well.
  expect(groups.retrying.map((number) => runs.failures.get(number))).toEqual(groups.retrying.map(() => 2));
  // Delays: nothing has started before its time, and what is due in an hour has kept its millisecond.
  expect(retries.rows.filter(({ number, due }) => (runs.starts.get(number)?.[1] ?? 0) < due.getTime())).toEqual([]);
  expect(groups.delayed.filter((number, at) => (runs.starts.get(number)?.[0] ?? 0) < startsAt + 10 * at)).toEqual([]);
  const later = await jobs.list({ queue: "mail", state: "delayed", limit: 1_000 });
  const kept = later.jobs.map(({ body, priority }) => [numberIn(body), dueIn(body), priority] as const);
  expect(kept.toSorted(([a], [b]) => a - b)).toEqual(
    groups.byAnHour.map((number, at) => [number, inAnHour + at, at < 10 ? 5 : 0]),
  );
  expect(later.jobs.filter(({ body, dueAt }) => (dueAt ?? 0) < dueIn(body))).toEqual([]);
  // What had failed is a dead letter with its error.
  const letters = (await jobs.inspector?.deadLetters({ queue: "mail.failed", limit: Infinity })) ?? [];
  expect(
    letters.map(({ body, reason }) => [numberIn(body), reason.message]).toSorted(([a], [b]) => Number(a) - Number(b)),
  ).toEqual(groups.failed.map((number) => [number, `run 1 of job ${number} fails`]));

  // Undone: what is due now returns to pg-boss by its page's program, and its workers run it.
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
