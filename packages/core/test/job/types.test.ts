import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  type Result,
  connect,
  defineJob,
  type EnqueueCounts,
  type ErrorRule,
  handlerFor,
  type JobContext,
  type Jobs,
  type Receipt,
  RetryLater,
} from "../../src/index.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { runInline, simulateCrashes, testJobs, type TestJobs } from "../../src/testing/index.ts";

const receipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string(), at: z.iso.datetime().transform((text) => new Date(text)) }),
});

const loose = defineJob({ type: "loose" });
const count = defineJob({ type: "count.add", payload: z.object({ n: z.number() }) });

test("the payload's type flows from the schema to handler and enqueue, input and output apart", () => {
  handlerFor(receipt, (payload, job) => {
    expectTypeOf(payload).toEqualTypeOf<{ orderId: string; at: Date }>();
    expectTypeOf(job).toEqualTypeOf<JobContext>();
  });
  const jobs = {} as Jobs;
  const calls = () => [
    jobs.enqueue(receipt, { orderId: "o", at: "2026-11-23T00:00:00Z" }),
    // @ts-expect-error a field is missing
    jobs.enqueue(receipt, { orderId: "o" }),
    // @ts-expect-error a field of the wrong type
    jobs.enqueue(receipt, { orderId: 1, at: "2026-11-23T00:00:00Z" }),
    // @ts-expect-error an unknown option
    jobs.enqueue(receipt, { orderId: "o", at: "x" }, { delays: "10m" }),
    // @ts-expect-error a duration without its unit
    jobs.enqueue(receipt, { orderId: "o", at: "x" }, { delay: "10" }),
    // @ts-expect-error the same, inline
    runInline(receipt, { orderId: 1 }),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("what is wrong is said of the payload or the option, and not of the job", () => {
  const calls = (jobs: Jobs) => [
    jobs.enqueue(
      count,
      // @ts-expect-error a field of the wrong type
      { n: "1" },
    ),
    jobs.enqueueIn(
      {},
      count,
      { n: 1 },
      // @ts-expect-error a duration in words
      { delay: "soon" },
    ),
    jobs.enqueue("elsewhere.known", { anything: 1 }),
    jobs.enqueue(loose, { anything: 1 }),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("a type declared by its whole list of arguments takes that list and no other", () => {
  const pair = defineJob({
    type: "pair.add",
    args: z.tuple([z.string(), z.number()]),
    handler: ([name, n]) => void [expectTypeOf(name).toBeString(), expectTypeOf(n).toBeNumber()],
  });
  const calls = (jobs: Jobs) => [
    jobs.enqueue(pair, ["one", 1]),
    // @ts-expect-error an argument of the wrong type
    jobs.enqueue(pair, ["one", "1"]),
    // @ts-expect-error one argument too few
    jobs.enqueueMany([{ job: pair, payload: ["one"] }]),
    // @ts-expect-error a list of arguments is a list
    defineJob({ type: "a", args: z.object({ n: z.number() }) }),
    // @ts-expect-error one argument, or the list of all
    defineJob({ type: "a", args: z.tuple([z.number()]), payload: z.number() }),
    // @ts-expect-error nothing of that name follows an error
    defineJob({ type: "a", errors: [{ error: "CARD_DECLINED", do: "ignore" }] }),
    // @ts-expect-error a release says for how long
    defineJob({ type: "a", errors: [{ error: "CARD_DECLINED", do: "release" }] }),
    // @ts-expect-error a class of errors makes errors
    defineJob({ type: "a", errors: [{ error: Date, do: "discard" }] }),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("a handler that returns a value, or an unknown option of a job, does not compile", () => {
  const wrong = () => [
    // @ts-expect-error a handler returns nothing
    defineJob({ type: "a", handler: () => 42 }),
    // @ts-expect-error a handler returns nothing, later either
    defineJob({ type: "a", handler: async () => "done" }),
    // @ts-expect-error no such option
    defineJob({ type: "a", retries: 3 }),
    // @ts-expect-error a duration in words
    defineJob({ type: "a", timeout: "a while" }),
    // @ts-expect-error a duration in a unit nobody has
    defineJob({ type: "a", retry: { initial: "5 sec" } }),
    // @ts-expect-error no such option of retry
    defineJob({ type: "a", retry: { attempts: 3 } }),
    // @ts-expect-error a queue is a name
    defineJob({ type: "a", queue: 1 }),
    // @ts-expect-error a job has a type
    defineJob({ queue: "mail" }),
    // @ts-expect-error no schema
    defineJob({ type: "a", payload: { orderId: "string" } }),
    // @ts-expect-error a later run is so long away, and not at a time
    new RetryLater(new Date()),
    // @ts-expect-error a duration without its unit
    new RetryLater("10"),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("a handler that wants another payload than its job has does not compile", () => {
  const wrong = () => [
    // @ts-expect-error the input's type, not the output's
    handlerFor(receipt, (payload: { orderId: string; at: string }) => void payload),
    // @ts-expect-error a field the job does not have
    handlerFor(receipt, (payload: { orderId: string; total: number }) => void payload),
    // @ts-expect-error a handler returns nothing
    handlerFor(receipt, () => ({ done: true })),
    defineJob({
      type: "a",
      payload: z.object({ n: z.number() }),
      // @ts-expect-error the payload is what the schema says
      handler: (payload: { n: string }) => void payload,
    }),
    // @ts-expect-error without a schema nothing is known of the payload
    defineJob({ type: "a", handler: (payload: { n: string }) => void payload }),
  ];
  const right = () => [
    handlerFor(receipt, ({ orderId }: { orderId: string }) => void orderId),
    handlerFor(receipt, async () => {}),
    defineJob({ type: "a", handler: (payload) => void expectTypeOf(payload).toBeUnknown() }),
    defineJob({ type: "a", payload: z.number(), handler: (n) => void expectTypeOf(n).toBeNumber() }),
  ];
  expectTypeOf([wrong, right]).toBeArray();
});

test("a misspelt option or one of another type does not compile, of connections and workers either", () => {
  const wrong = (jobs: Jobs) => [
    // @ts-expect-error a backend is a URL or a factory
    connect(6379),
    // @ts-expect-error no such option
    connect("memory:", { enqueueTimout: "5s" }),
    // @ts-expect-error a duration in words
    connect("memory:", { enqueueTimeout: "soon" }),
    // @ts-expect-error nothing of that name can be required
    connect("memory:", { require: ["exactly_once"] }),
    // @ts-expect-error a log is "stdout", "off" or a function
    connect("memory:", { log: true }),
    // @ts-expect-error a worker has jobs
    jobs.worker({ concurrency: 5 }),
    // @ts-expect-error queues are a list
    jobs.worker({ jobs: [count], queues: "mail" }),
    // @ts-expect-error no such option
    jobs.worker({ jobs: [count], concurency: 5 }),
    // @ts-expect-error a duration without its unit
    jobs.worker({ jobs: [count], lease: "30" }),
    // @ts-expect-error no such step of a shutdown
    jobs.worker({ jobs: [count], shutdown: { wait: "5s" } }),
    // @ts-expect-error a middleware calls what is next
    jobs.worker({ jobs: [count], middleware: [(job: string) => void job] }),
    // @ts-expect-error no such event
    jobs.events.on("complete", () => {}),
    // @ts-expect-error no such state of a worker
    jobs.worker({ jobs: [count] }).health().state === "idle",
    // @ts-expect-error a queue is a name
    jobs.enqueue(count, { n: 1 }, { queue: 1 }),
    // @ts-expect-error a time is a Date
    jobs.enqueue(count, { n: 1 }, { runAt: "2026-11-23T00:00:00Z" }),
    // @ts-expect-error a field of the wrong type, in a transaction too
    jobs.enqueueIn({}, count, { n: "1" }),
    // @ts-expect-error no such limit
    memoryBackend({ capabilities: { maxDelay: 5 } }),
    // @ts-expect-error no such option
    jobMetrics(jobs, { buckets: [1] }),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("what a test runs and reads has the types of its jobs", () => {
  const calls = async (jobs: TestJobs) => {
    expectTypeOf(jobs.enqueued(count)).toEqualTypeOf<{ n: number }[]>();
    // @ts-expect-error a duration in words
    await jobs.advance("tomorrow");
    // @ts-expect-error a test has jobs
    await testJobs({});
    // @ts-expect-error no such option
    await runInline(count, { n: 1 }, { attempts: 2 });
    const simulation = { world: () => ({ sum: 0 }), check: () => {} };
    await simulateCrashes({
      ...simulation,
      job: (world) => handlerFor(count, ({ n }) => void (world.sum += n)),
      payload: { n: 1 },
    });
    // @ts-expect-error a payload of another job
    await simulateCrashes({ ...simulation, job: () => handlerFor(count, () => {}), payload: { orderId: "o" } });
    await simulateCrashes({
      ...simulation,
      // @ts-expect-error a world without that member
      job: (world) => handlerFor(count, ({ n }) => void (world.total += n)),
      payload: { n: 1 },
    });
  };
  expectTypeOf(calls).toBeFunction();
});

test("each item of enqueueMany is judged by its own definition", () => {
  const jobs = {} as Jobs;
  const fine = { orderId: "o", at: "2026-11-23T00:00:00Z" };
  const calls = () => [
    jobs.enqueueMany([
      { job: receipt, payload: fine, options: { delay: "1m" } },
      { job: count, payload: { n: 1 } },
      { job: "elsewhere.known", payload: ["anything", 1] },
    ]),
    jobs.enqueueMany([1, 2].map((n) => ({ job: count, payload: { n } }))),
    jobs.enqueueMany([]),
    jobs.enqueueMany([
      { job: receipt, payload: fine },
      // @ts-expect-error the payload of the neighbour
      { job: count, payload: fine },
      // @ts-expect-error a field of the wrong type
      { job: count, payload: { n: "1" } },
    ]),
    // @ts-expect-error every item of a list made elsewhere
    jobs.enqueueMany(["1", "2"].map((n) => ({ job: count, payload: { n } }))),
    // @ts-expect-error an unknown option
    jobs.enqueueMany([{ job: count, payload: { n: 1 }, options: { delays: "10m" } }]),
    // @ts-expect-error no such member
    jobs.enqueueMany([{ job: count, payload: { n: 1 }, delay: "10m" }]),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("each item of a stream is judged by its own definition as well, and told hears the item as it was", () => {
  const jobs = {} as Jobs;
  async function* mixed() {
    yield { job: count, payload: { n: 1 } };
    yield { job: receipt, payload: { orderId: "o", at: "2026-11-23T00:00:00Z" }, line: 7 };
    yield { job: "elsewhere.known", payload: ["anything"], options: { delay: "1m" } as const };
  }
  async function* numbers() {
    yield { job: count, payload: { n: "1" } };
  }
  const calls = () => [
    jobs.enqueueMany(mixed(), (result, item, index) => {
      expectTypeOf(result).toEqualTypeOf<Result<Receipt>>();
      expectTypeOf(index).toBeNumber();
      const line: number | undefined = "line" in item ? item.line : undefined;
      return void line;
    }),
    jobs.enqueueMany(new Set([1, 2].map((n) => ({ job: count, payload: { n } }))), async () => {}),
    jobs.enqueueMany([{ job: "elsewhere.known", payload: 1 }], () => {}),
    // @ts-expect-error a field of the wrong type
    jobs.enqueueMany(numbers(), () => {}),
    // @ts-expect-error a stream's results have to go somewhere
    jobs.enqueueMany(mixed()),
  ];
  expectTypeOf(calls).toBeFunction();
  expectTypeOf(() => jobs.enqueueMany(mixed(), () => {})).returns.toEqualTypeOf<Promise<EnqueueCounts>>();
});

test("a rule for errors that says too much, too little or nonsense does not compile", () => {
  class Busy extends Error {}
  const fine = [
    { error: Busy, do: "dead_letter" },
    { error: "E.*", do: "retry" },
    { error: Busy, do: "release", delay: "1m" },
  ] as const;
  expectTypeOf(fine).toExtend<readonly ErrorRule[]>();
  const rule = (one: ErrorRule) => one;
  const wrong = () => [
    // @ts-expect-error nothing follows a discard
    rule({ error: Busy, do: "discard", delay: "1m" }),
    // @ts-expect-error a release says for how long
    rule({ error: Busy, do: "release" }),
    // @ts-expect-error no such verdict
    rule({ error: Busy, do: "forget" }),
    // @ts-expect-error a class that is none of errors
    rule({ error: Date, do: "discard" }),
    // @ts-expect-error an error, not its class
    rule({ error: new Busy(), do: "discard" }),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("definitions of different payloads fit one list", async () => {
  const other = defineJob({ type: "other", payload: z.object({ n: z.number() }), handler: ({ n }) => void n });
  const jobs = {} as Jobs;
  const make = () => jobs.worker({ jobs: [handlerFor(receipt, () => {}), other] });
  expectTypeOf(make).toBeFunction();
});
