import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import {
  defineJob,
  handlerFor,
  type JobDefinition,
  type Middleware,
  newId,
  newSecret,
  RetryLater,
} from "../../src/index.ts";
import { type TestJobs, testJobs } from "../../src/testing/index.ts";

const open: TestJobs[] = [];
afterEach(async () => {
  for (const jobs of open.splice(0)) await jobs.close();
});

async function opened(jobs: readonly JobDefinition[]): Promise<TestJobs> {
  const made = await testJobs({ jobs });
  open.push(made);
  return made;
}

const receipt = defineJob({ type: "receipt.send", queue: "mailers", payload: z.object({ orderId: z.string() }) });

test("what code under test enqueued is told in order and in its type; nothing runs unasked", async () => {
  const jobs = await opened([receipt]);
  await jobs.enqueue(receipt, { orderId: "o_1" });
  await jobs.enqueue(receipt, { orderId: "o_2" }, { delay: "1h" });
  const payloads: { orderId: string }[] = jobs.enqueued(receipt);
  expect(payloads).toEqual([{ orderId: "o_1" }, { orderId: "o_2" }]);
  expect(await jobs.drain()).toEqual([]);
});

test("drain runs what is due and what that enqueues, on other queues too, and answers how each ended", async () => {
  const ran: string[] = [];
  const second = defineJob({ type: "second", queue: "elsewhere", handler: () => void ran.push("second") });
  const first: JobDefinition = defineJob({
    type: "first",
    async handler() {
      ran.push("first");
      await jobs.enqueue(second, {}, { queue: "brand-new" });
    },
  });
  const jobs = await opened([first, second]);
  await jobs.enqueue(first, {});
  const ended = await jobs.drain();
  expect(ran).toEqual(["first", "second"]);
  expect(ended.map(({ type, outcome }) => `${type} ${outcome}`)).toEqual(["first completed", "second completed"]);
});

test("advance moves the clock: delays, retries and expiries come when they would", async () => {
  let runs = 0;
  const flaky = defineJob({
    type: "flaky",
    retry: { initial: "1m", jitter: false },
    handler() {
      runs += 1;
      if (runs === 1) throw new Error("no luck");
      if (runs === 2) throw new RetryLater("1h");
    },
  });
  const jobs = await opened([flaky]);
  await jobs.enqueue(flaky, {}, { delay: "10m" });
  await jobs
    .enqueue(flaky, {}, { delay: "3d", expiresIn: "4d", id: "018f0000-0000-7000-8000-000000000001" })
    .catch(() => null);
  expect(await jobs.advance("9m")).toEqual([]);
  expect(await jobs.advance("1m")).toMatchObject([{ outcome: "retry", attempt: 1, delayMs: 60_000 }]);
  expect(await jobs.advance("59s")).toEqual([]);
  expect(await jobs.advance("1s")).toMatchObject([{ outcome: "release", attempt: 2 }]);
  expect(await jobs.advance("1h")).toMatchObject([{ outcome: "completed", attempt: 2 }]);
  expect(await jobs.advance("5d")).toMatchObject([{ outcome: "dead", reason: { code: "EXPIRED" } }]);
});

test("handlers may be known later than their definitions, and go through the middleware", async () => {
  const ran: string[] = [];
  let handlers: JobDefinition[] = [];
  const middleware: Middleware = async ({ type }, next) => {
    ran.push(`before ${type}`);
    await next();
  };
  const jobs = await testJobs({ jobs: [receipt], handlers: () => handlers, middleware: [middleware] });
  open.push(jobs);
  await jobs.enqueue(receipt, { orderId: "o_1" });
  expect(await jobs.drain()).toEqual([]);
  handlers = [handlerFor(receipt, ({ orderId }) => void ran.push(orderId))];
  expect(await jobs.drain()).toMatchObject([{ outcome: "completed" }]);
  expect(ran).toEqual(["before receipt.send", "o_1"]);
});

test("closing sets the clock back for the next test", async () => {
  const jobs = await testJobs({ jobs: [receipt] });
  await jobs.advance("1d");
  await jobs.close();
  const next = await opened([receipt]);
  await next.enqueue(receipt, { orderId: "o_1" }, { runAt: new Date(Date.now() + 60_000) });
  expect((await next.inspector?.counts())?.[0]).toMatchObject({ ready: 0, delayed: 1 });
});

test("a payload that would not arrive is refused as anywhere", async () => {
  const jobs = await opened([receipt]);
  await expect(jobs.enqueue(receipt, { orderId: 7 } as never)).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
});

test("what a worker would be told of signatures, a test may tell: unsigned jobs of others end as they would", async () => {
  const jobs = await testJobs({ jobs: [handlerFor(receipt, () => {})], keys: newSecret(), signatures: "required" });
  open.push(jobs);
  const type = receipt.type;
  await jobs.enqueueBody(
    JSON.stringify({ spec: "waybill/1", id: newId(), type, queue: receipt.queue, args: [{ orderId: "o_1" }] }),
  );
  await jobs.enqueue(receipt, { orderId: "o_2" });
  expect((await jobs.drain()).map(({ outcome, reason }) => [outcome, reason?.code])).toEqual([
    ["dead", "SIGNATURE_INVALID"],
    ["completed", undefined],
  ]);
});

test("jobs on two queues run one after the other, the one due longest first, and none is released for want of a slot", async () => {
  const ran: string[] = [];
  const mail = defineJob({
    type: "mail",
    queue: "mailers",
    payload: z.string(),
    handler: (name) => void ran.push(name),
  });
  const photo = defineJob({
    type: "photo",
    queue: "photos",
    payload: z.string(),
    handler: (name) => void ran.push(name),
  });
  const jobs = await opened([mail, photo]);
  const given = ["m1", "p1", "p2", "m2", "p3", "m3", "m4", "p4"];
  for (const name of given) {
    await jobs.enqueue(name.startsWith("m") ? mail : photo, name);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const ended = await jobs.drain();
  expect(ended.map(({ outcome }) => outcome)).toEqual(given.map(() => "completed"));
  expect(ran).toEqual(given);
});

test("every time is of one clock after it was moved: events, ids, the envelope, dead letters, health and workers", async () => {
  const dayMs = 86_400_000;
  const told: number[] = [];
  const fails = defineJob({
    type: "fails",
    retry: { maxAttempts: 1 },
    handler(_payload, job) {
      told.push(Date.parse(job.envelope.created_at ?? ""), Number.parseInt(job.id.replace("-", "").slice(0, 12), 16));
      throw new Error("no");
    },
  });
  const jobs = await opened([fails]);
  for (const name of ["enqueued", "booted", "started", "finished", "settled", "stopped"] as const) {
    jobs.events.on(name, ({ at }) => void told.push(at));
  }
  await jobs.advance("1d");
  await jobs.enqueue(fails, {});
  await jobs.drain();
  told.push(jobs.now().getTime(), ...((await jobs.inspector?.deadLetters()) ?? []).map(({ diedAt }) => diedAt ?? 0));
  const worker = jobs.worker({ jobs: [fails] });
  await worker.start();
  while ((await jobs.workers()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  told.push(...(await jobs.workers()).map(({ startedAt }) => startedAt));
  await worker.stop();
  expect(told.length).toBeGreaterThan(12);
  const aside = told.map((at) => Math.round((at - Date.now()) / 60_000) - dayMs / 60_000);
  // The worker of the first drain stopped at the moved time as well: `advance` moves the clock before it drains.
  expect(aside).toEqual(aside.map(() => 0));
});
