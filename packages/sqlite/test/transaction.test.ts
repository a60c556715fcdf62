import { DatabaseSync } from "node:sqlite";
import { connect, defineJob, type Handler, type Jobs } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lease, message, open, temporaryFile } from "./temporary-file.ts";

const greet = defineJob({ type: "greeting.print", retry: { initial: 10, jitter: false } });
let file = "";
let jobs: Jobs;
let db: DatabaseSync;

beforeEach(async () => {
  file = temporaryFile();
  jobs = await connect(`sqlite:${file}`, { log: "off" });
  db = new DatabaseSync(file);
  db.exec("CREATE TABLE receipts (job TEXT)");
});
afterEach(async () => {
  db.close();
  await jobs.close();
});

const ready = async (): Promise<number> => (await jobs.inspector?.counts())?.[0]?.ready ?? 0;
const receipts = (): unknown[] =>
  db
    .prepare("SELECT job FROM receipts")
    .all()
    .map((row) => row["job"]);

describe("enqueueIn", () => {
  test("a job is stored once the transaction commits, and not before", async () => {
    db.exec("BEGIN IMMEDIATE");
    expect(await jobs.enqueueIn(db, greet, { name: "Ada" })).toMatchObject({ stored: true });
    await jobs.enqueueIn(db, greet, { name: "later" }, { delay: "1h" });
    expect(await ready()).toBe(0);
    db.exec("COMMIT");
    expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 1, delayed: 1 }]);
  });

  test("a job is not stored if the transaction rolls back", async () => {
    db.exec("BEGIN IMMEDIATE");
    await jobs.enqueueIn(db, greet, {});
    db.exec("ROLLBACK");
    expect(await jobs.inspector?.counts()).toEqual([]);
  });

  test("no event or metric counts a job before its transaction has committed", async () => {
    const reported: unknown[] = [];
    const metrics = jobMetrics(jobs);
    jobs.events.on("enqueued", ({ stored }) => void reported.push(stored));
    db.exec("BEGIN IMMEDIATE");
    await jobs.enqueueIn(db, greet, { name: "Ada" });
    db.exec("ROLLBACK");
    await jobs.enqueue(greet, { name: "Eve" });
    expect(reported).toEqual(["on_commit", true]);
    expect(await metrics.prometheus()).toContain('waybill_enqueued_total{queue="default",type="greeting.print"} 1\n');
    metrics.stop();
  });

  test("the commit wakes a worker that waits", async () => {
    const ran = new Promise((resolve) => {
      void jobs.worker({ jobs: [defineJob({ type: "greeting.print", handler: resolve })] }).start();
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    db.exec("BEGIN IMMEDIATE");
    await jobs.enqueueIn(db, greet, { name: "Ada" });
    db.exec("COMMIT");
    expect(await ran).toEqual({ name: "Ada" });
  });

  test("the same id with other content is refused, and the transaction goes on", async () => {
    const id = "018f0000-0000-7000-8000-000000000001";
    await jobs.enqueue(greet, { name: "Ada" }, { id });
    db.exec("BEGIN IMMEDIATE");
    await expect(jobs.enqueueIn(db, greet, { name: "Eve" }, { id })).rejects.toMatchObject({ code: "ID_CONFLICT" });
    expect(await jobs.enqueueIn(db, greet, { name: "Ada" }, { id })).toMatchObject({ stored: false });
    db.prepare("INSERT INTO receipts VALUES ('kept')").run();
    db.exec("COMMIT");
    expect(receipts()).toEqual(["kept"]);
  });
});

describe("completeIn", () => {
  const withTransaction = (work: () => Promise<void>): Promise<void> => {
    db.exec("BEGIN IMMEDIATE");
    return work().then(
      () => db.exec("COMMIT"),
      (error: unknown) => {
        db.exec("ROLLBACK");
        throw error;
      },
    );
  };

  async function settledRuns(handler: Handler<unknown>, count: number): Promise<string[]> {
    const outcomes: string[] = [];
    await jobs.enqueue(greet, {});
    await new Promise<void>((resolve) => {
      jobs.events.on("settled", ({ outcome }) => {
        outcomes.push(outcome);
        if (outcomes.length === count) resolve();
      });
      void jobs.worker({ jobs: [defineJob({ type: "greeting.print", retry: greet.retry, handler })] }).start();
    });
    return outcomes;
  }

  test("the job is done together with the handler's rows, once", async () => {
    const outcomes = await settledRuns(
      (_, job) =>
        withTransaction(async () => {
          db.prepare("INSERT INTO receipts VALUES (?)").run(job.id);
          await job.completeIn(db);
        }),
      1,
    );
    expect(outcomes).toEqual(["completed"]);
    expect(receipts()).toHaveLength(1);
    expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 0, leased: 0, delayed: 0, finished: 1 }]);
  });

  test("after a rollback it runs again, and the rows of the first run are gone", async () => {
    const outcomes = await settledRuns(
      (_, job) =>
        withTransaction(async () => {
          db.prepare("INSERT INTO receipts VALUES (?)").run(`attempt ${job.attempt}`);
          await job.completeIn(db);
          if (job.attempt === 1) throw new Error("not this time");
        }),
      2,
    );
    expect(outcomes).toEqual(["retry", "completed"]);
    expect(receipts()).toEqual(["attempt 2"]);
  });

  test("a job that another worker has leased is refused as LEASE_LOST", async () => {
    const backend = await open({ path: file });
    await backend.enqueue([message()]);
    const [late] = await lease(backend, { leaseMs: 20 });
    const [oneLease] = await lease(backend, { waitMs: 2_000 });
    if (late === undefined || oneLease === undefined) throw new Error("nothing was leased");
    await expect(withTransaction(() => backend.completeIn(db, late))).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await backend.ack([oneLease])).toEqual([{ ok: true, value: null }]);
  });
});

function closed(): DatabaseSync {
  const theirs = new DatabaseSync(file);
  theirs.close();
  return theirs;
}

test("a closed connection is refused by both calls, and works once it is open again", async () => {
  const notOpen = { code: "CONFIG_INVALID", message: expect.stringContaining("is not open") as string };
  db.exec("BEGIN IMMEDIATE");
  await jobs.enqueueIn(db, greet, { name: "Ada" });
  db.close();
  await expect(jobs.enqueueIn(db, greet, {})).rejects.toMatchObject(notOpen);
  const backend = await open({ path: file });
  await backend.enqueue([message()]);
  const [oneLease] = await lease(backend);
  if (oneLease === undefined) throw new Error("nothing was leased");
  await expect(backend.completeIn(db, oneLease)).rejects.toMatchObject(notOpen);
  await backend.ack([oneLease]);
  db.open();
  db.exec("BEGIN IMMEDIATE");
  await jobs.enqueueIn(db, greet, { name: "Eve" });
  db.exec("COMMIT");
  expect(await ready()).toBe(1);
});

describe("a handle that is no transaction on this file is refused with what to do", () => {
  test.each([
    ["nothing at all", () => undefined, /hand in the DatabaseSync/],
    ["a client of another database", () => ({ query: () => [] }), /hand in the DatabaseSync/],
    ["a connection without a transaction", () => db, /no transaction is open; begin one first/],
    ["a database in memory", () => new DatabaseSync(":memory:"), /is on ":memory:", the jobs are in/],
    ["another file", () => new DatabaseSync(temporaryFile("other.db")), /other\.db", the jobs are in .*waybill\.db/],
    ["a connection that its owner closed", closed, /the DatabaseSync that was handed in is not open/],
    ["a connection that was never opened", () => new DatabaseSync(file, { open: false }), /handed in is not open/],
  ])("%s", async (_, transaction, message_) => {
    await expect(jobs.enqueueIn(transaction(), greet, {})).rejects.toThrow(message_);
    expect(await jobs.inspector?.counts()).toEqual([]);
  });
});
