import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { defineJob, newId } from "../../src/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { type TestJobs, testJobs, type TestJobsOptions } from "../../src/testing/index.ts";

const open: TestJobs[] = [];
afterEach(async () => {
  for (const jobs of open.splice(0)) await jobs.close();
});

async function opened(options: TestJobsOptions): Promise<TestJobs> {
  const made = await testJobs(options);
  open.push(made);
  return made;
}

const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }), handler: () => {} });
const named = (jobs: TestJobs): string[] => jobs.enqueued(greet).map(({ name }) => name);

test("test jobs like SQS list their workers once they borrow a ledger, as SQS does", async () => {
  const alone = await opened({ jobs: [greet], like: "sqs" });
  await expect(alone.workers()).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  const jobs = await opened({ jobs: [greet], like: "sqs", ledger: memoryBackend() });
  expect(await jobs.workers()).toEqual([]);
  await jobs.enqueue(greet, { name: "Ada" });
  expect(await jobs.queuesWithoutWorker()).toMatchObject([{ queue: "default", ready: 1 }]);
  await jobs.drain();
  expect(await jobs.queuesWithoutWorker()).toEqual([]);
});

describe("transactions of test jobs", () => {
  test("what was enqueued in one appears once it commits", async () => {
    const jobs = await opened({ jobs: [greet], like: "postgres" });
    const result = await jobs.transaction(async (tx) => {
      expect(await jobs.enqueueIn(tx, greet, { name: "Ada" })).toMatchObject({ stored: true });
      expect(await jobs.inspector?.counts()).toEqual([]);
      expect(named(jobs)).toEqual([]);
      return "done";
    });
    expect(result).toBe("done");
    expect(named(jobs)).toEqual(["Ada"]);
    expect(await jobs.drain()).toMatchObject([{ type: "greet", outcome: "completed" }]);
  });

  test("what was enqueued in one that throws never was", async () => {
    const jobs = await opened({ jobs: [greet], like: "sqlite" });
    const failed = new Error("no stock");
    const ended = jobs.transaction(async (tx) => {
      await jobs.enqueueIn(tx, greet, { name: "Ada" });
      throw failed;
    });
    await expect(ended).rejects.toBe(failed);
    expect([named(jobs), await jobs.inspector?.counts(), await jobs.drain()]).toEqual([[], [], []]);
  });

  test("a delay counts from the call, and a queue that no definition names is drained too", async () => {
    const jobs = await opened({ jobs: [greet], like: "postgres" });
    await jobs.transaction(async (tx) => {
      await jobs.enqueueIn(tx, greet, { name: "Ada" }, { delay: "10m", queue: "elsewhere" });
      await jobs.advance("4m");
    });
    expect(await jobs.advance("5m")).toEqual([]);
    expect(await jobs.advance("1m")).toMatchObject([{ outcome: "completed", queue: "elsewhere" }]);
  });

  test("one id is one job, in the transaction, beside it, and where another came between", async () => {
    const jobs = await opened({ jobs: [greet], like: "postgres" });
    const id = newId();
    const options = { id, runAt: new Date(Date.now() + 1_000) };
    const between = jobs.transaction(async (tx) => {
      await jobs.enqueueIn(tx, greet, { name: "Ada" }, options);
      expect(await jobs.enqueueIn(tx, greet, { name: "Ada" }, options)).toMatchObject({ stored: false });
      await expect(jobs.enqueueIn(tx, greet, { name: "Eve" }, options)).rejects.toMatchObject({ code: "ID_CONFLICT" });
      await jobs.enqueueIn(tx, greet, { name: "Bob" });
      await jobs.enqueue(greet, { name: "Eve" }, options);
    });
    await expect(between).rejects.toMatchObject({ code: "ID_CONFLICT" });
    expect(named(jobs)).toEqual(["Eve"]);
  });

  test("completeIn ends the job when the transaction commits; rolled back, the job fails and runs again", async () => {
    const told: string[] = [];
    const pay = defineJob({
      type: "pay",
      retry: { initial: "1m", jitter: false },
      async handler(_payload, job) {
        await jobs.transaction(async (tx) => {
          await jobs.enqueueIn(tx, greet, { name: `attempt ${job.attempt}` });
          await job.completeIn(tx);
          told.push(`completed ${job.attempt}`);
          if (job.attempt === 1) throw new Error("deadlock");
        });
      },
    });
    const jobs: TestJobs = await opened({ jobs: [pay, greet], like: "postgres" });
    await jobs.enqueue(pay, {});
    expect(await jobs.drain()).toMatchObject([{ type: "pay", outcome: "retry" }]);
    expect(named(jobs)).toEqual([]);
    const second = await jobs.advance("1m");
    expect(second.map(({ type, outcome, attempt }) => `${type} ${outcome} ${attempt}`).toSorted()).toEqual([
      "greet completed 1",
      "pay completed 2",
    ]);
    expect(named(jobs)).toEqual(["attempt 2"]);
    expect(told).toEqual(["completed 1", "completed 2"]);
    expect(await jobs.inspector?.counts()).toEqual([]);
  });

  test("completeIn refuses, and rolls back, where the lease ran out", async () => {
    const codes: unknown[] = [];
    const slow = defineJob({
      type: "slow",
      async handler(_payload, job) {
        if (job.delivery.lost > 0) return;
        const ended = jobs.transaction(async (tx) => {
          await jobs.enqueueIn(tx, greet, { name: "never" });
          await jobs.advance("1h");
          await job.completeIn(tx);
        });
        await ended.catch(({ code }: { code: unknown }) => void codes.push(code));
      },
    });
    const handlers = [slow];
    // Asked again by `advance` it has none, so that the clock alone moves.
    const jobs: TestJobs = await opened({ jobs: [slow, greet], like: "postgres", handlers: () => handlers.splice(0) });
    await jobs.enqueue(slow, {});
    await jobs.drain();
    expect(codes).toEqual(["LEASE_LOST"]);
    expect(named(jobs)).toEqual([]);
  });

  test("a handle of another library takes effect at once; one that ended, or is none, is refused", async () => {
    const jobs = await opened({ jobs: [greet], like: "postgres" });
    const client = { query: async () => ({ rows: [] }) };
    await jobs.enqueueIn(client, greet, { name: "Ada" });
    expect(named(jobs)).toEqual(["Ada"]);
    const kept = await jobs.transaction(async (tx) => {
      await tx.query();
      await jobs.enqueueIn(client, greet, { name: "Bob" });
      expect(named(jobs)).toEqual(["Ada"]);
      await expect(jobs.transaction(async () => {}, client)).rejects.toThrow("has an open transaction already");
      return tx;
    }, client);
    expect(named(jobs)).toEqual(["Ada", "Bob"]);
    await expect(jobs.enqueueIn(kept, greet, { name: "Eve" })).rejects.toThrow("this transaction has ended");
    await expect(jobs.enqueueIn(undefined, greet, { name: "Eve" })).rejects.toThrow("your transaction, not undefined");
  });

  test("a handle serves one transaction after the other, and each ends by itself", async () => {
    const jobs = await opened({ jobs: [greet], like: "postgres" });
    const client = {};
    await jobs.transaction((tx) => jobs.enqueueIn(tx, greet, { name: "Ada" }), client);
    await expect(jobs.enqueueIn(client, greet, { name: "Eve" })).rejects.toThrow("this transaction has ended");
    const second = jobs.transaction(async (tx) => {
      await jobs.enqueueIn(tx, greet, { name: "Eve" });
      throw new Error("changed my mind");
    }, client);
    await expect(second).rejects.toThrow("changed my mind");
    await jobs.transaction((tx) => jobs.enqueueIn(tx, greet, { name: "Bob" }), client);
    expect(named(jobs)).toEqual(["Ada", "Bob"]);
  });
});

test("test jobs that are like none, or like one without transactions, refuse them and name the option", async () => {
  for (const like of [undefined, "bullmq", "rabbitmq", "sqs"] as const) {
    const jobs = await opened({ jobs: [greet], ...(like && { like }) });
    const code = "CAPABILITY_MISSING";
    const remedy = expect.stringContaining('testJobs({ like }) with "sqlite" or "postgres"') as unknown;
    await expect(jobs.transaction(async () => {})).rejects.toMatchObject({ code, message: remedy });
    await expect(jobs.enqueueIn({}, greet, { name: "Ada" })).rejects.toMatchObject({ code });
  }
  await expect(testJobs({ jobs: [], like: "mysql" as never })).rejects.toThrow(
    'testJobs({ like }) is "mysql"; known are "sqlite", "postgres"',
  );
});

test("a delay beyond the backend's own is bridged as there: an hour on SQS comes after an hour", async () => {
  const jobs = await opened({ jobs: [greet], like: "sqs" });
  await jobs.enqueue(greet, { name: "Ada" }, { delay: "1h" });
  const hops = await jobs.advance("20m");
  expect(hops).toMatchObject([{ outcome: "release" }]);
  expect(await jobs.advance("39m")).toEqual([]);
  expect(await jobs.advance("1m")).toMatchObject([{ outcome: "completed", attempt: 1 }]);
});
