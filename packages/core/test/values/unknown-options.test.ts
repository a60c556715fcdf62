import { expect, test } from "vitest";
import { nearestName } from "../../src/known-options.ts";
import { forwardEvery } from "../../src/job/forward-every.ts";
import { connect, connectProducer, defineJob, handlerFor, leakGuard, type WaybillError } from "../../src/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { telemetry } from "../../src/observability/otel/index.ts";
import { executeInline, testJobs } from "../../src/testing/index.ts";

const noop = (): void => {};
const receipt = defineJob({ type: "receipt.send", handler: noop });
const unlisted = defineJob({ type: "unlisted.send" });
const open = () => connect("memory:", { log: "off", jobs: [receipt] });

/** As plain JavaScript, a cast or a spread would call it. */
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any;

async function withJobs(use: (jobs: Loose) => unknown): Promise<void> {
  const jobs = await open();
  try {
    await use(jobs);
  } finally {
    await jobs.close();
  }
}

/** Each wrong use, and what its error must hold: the option, the value, and what to write. */
const wrong: readonly (readonly [what: string, use: () => unknown, ...holds: RegExp[]])[] = [
  [
    "attempts of retry",
    () => defineJob({ type: "a.b", retry: { attempts: 3 } } as Loose),
    /retry options of "a\.b"/,
    /"attempts"/,
    /"maxAttempts"/,
  ],
  [
    "backoff of retry",
    () => defineJob({ type: "a.b", retry: { backof: 3 } } as Loose),
    /"backof"/,
    /known are: maxAttempts, initial/,
  ],
  ["handle for handler", () => defineJob({ type: "a.b", handle: noop } as Loose), /defineJob/, /"handle"/, /"handler"/],
  [
    "a handler that is no function",
    () => defineJob({ type: "a.b", handler: "send" } as Loose),
    /handler of "a\.b" is "send"/,
    /pass a function/,
  ],
  ["a definition that is a text", () => defineJob("a.b" as Loose), /defineJob are "a\.b"/, /pass an object/],
  ["no options of defineJob", () => (defineJob as Loose)(), /defineJob are undefined/, /pass an object/],
  [
    "a schema that is none",
    () => defineJob({ type: "a.b", payload: { orderId: "string" } } as Loose),
    /payload of "a\.b" is an object/,
    /Standard Schema/,
  ],
  ["a type that is a number", () => defineJob({ type: 7 } as Loose), /job type 7/, /"receipt\.send"/],
  [
    "a queue that is a number",
    () => defineJob({ type: "a.b", queue: 7 } as Loose),
    /queue of "a\.b" is 7/,
    /lower-case/,
  ],
  [
    "a rule with a misspelled delay",
    () => defineJob({ type: "a.b", errors: [{ error: "X", do: "retry", delai: 1 }] } as Loose),
    /errors\[0\] of "a\.b"/,
    /"delai"/,
    /"delay"/,
  ],
  [
    "handlerFor something else",
    () => handlerFor({ type: "a.b" } as Loose, noop),
    /first argument of handlerFor is an object/,
    /defineJob\(…\)/,
  ],
  [
    "handlerFor without a handler",
    () => (handlerFor as Loose)(unlisted),
    /handler of "unlisted\.send" is undefined/,
    /function/,
  ],
  [
    "forwardEvery",
    () => forwardEvery({ handler: noop, timeOut: "1s" } as Loose),
    /forwardEvery/,
    /"timeOut"/,
    /"timeout"/,
  ],
  ["leakGuard", () => leakGuard({ store: {} } as Loose), /leakGuard/, /"store"/, /"stores"/],
  [
    "memoryBackend",
    () => memoryBackend({ allowVolatil: true } as Loose),
    /memoryBackend/,
    /"allowVolatil"/,
    /"allowVolatile"/,
  ],
  ["telemetry", () => telemetry({ tracer: null } as Loose), /telemetry/, /"tracer"/, /"tracerProvider"/],
  [
    "executeInline",
    () => executeInline(receipt, null, { atempt: 2 } as Loose),
    /executeInline/,
    /"atempt"/,
    /"attempt"/,
  ],
  [
    "testJobs",
    () => testJobs({ jobs: [receipt], middlewares: [] } as Loose),
    /testJobs/,
    /"middlewares"/,
    /"middleware"/,
  ],
  [
    "connect without a URL",
    () => connect(undefined as Loose),
    /URL is undefined/,
    /environment variable/,
    /"sqlite:\.\/waybill\.db"/,
  ],
  ["connect with null", () => connect(null as Loose), /URL is null/, /"sqlite:\.\/waybill\.db"/],
  [
    "connect with an object",
    () => connect({ url: "memory:" } as Loose),
    /URL is an object/,
    /"sqlite:\.\/waybill\.db"/,
  ],
  ["connect with logg", () => connect("memory:", { logg: "off" } as Loose), /options of connect/, /"logg"/, /"log"/],
  [
    "connectProducer with a role",
    () => connectProducer("memory:", { rolle: "web" } as Loose),
    /connectProducer/,
    /"rolle"/,
  ],
  [
    "connect with jobs that are one job",
    () => connect("memory:", { jobs: receipt } as Loose),
    /jobs of the connection is an object/,
    /\[sendReceipt\]/,
  ],
  [
    "connect with a job that is a class",
    () => connect("memory:", { jobs: [function Send() {}] } as Loose),
    /jobs of the connection\[0\] is a function/,
    /defineJob/,
  ],
  ["a worker without jobs", () => withJobs((jobs) => jobs.worker({})), /no `jobs`/, /\{ jobs: \[sendReceipt\] \}/],
  ["a worker without options", () => withJobs((jobs) => jobs.worker()), /worker are undefined/, /pass an object/],
  [
    "a worker of concurency",
    () => withJobs((jobs) => jobs.worker({ jobs: [receipt], concurency: 2 })),
    /worker/,
    /"concurency"/,
    /"concurrency"/,
  ],
  [
    "a worker whose shutdown has a timeout",
    () => withJobs((jobs) => jobs.worker({ jobs: [receipt], shutdown: { timeout: 1 } })),
    /shutdown limits/,
    /"timeout"/,
    /drain, abort, close/,
  ],
  [
    "a worker whose middleware is one function",
    () => withJobs((jobs) => jobs.worker({ jobs: [receipt], middleware: noop })),
    /middleware is a function/,
    /list of functions/,
  ],
  [
    "a worker of names",
    () => withJobs((jobs) => jobs.worker({ jobs: ["receipt.send"] })),
    /jobs of the worker\[0\] is "receipt\.send"/,
    /defineJob/,
  ],
  [
    "enqueue with dely",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, { dely: "1s" })),
    /enqueue for "receipt\.send"/,
    /"dely"/,
    /"delay"/,
  ],
  [
    "enqueue with options that are a number",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, 5_000)),
    /enqueue for "receipt\.send" are 5000/,
    /pass an object/,
  ],
  [
    "enqueue of what is no definition",
    () => withJobs((jobs) => jobs.enqueue({ type: "x" }, 1)),
    /job to enqueue is an object/,
    /defineJob\(…\)/,
  ],
  [
    "enqueue of undefined",
    () => withJobs((jobs) => jobs.enqueue(undefined, 1)),
    /job to enqueue is undefined/,
    /defineJob/,
  ],
  [
    "enqueue without a payload",
    () => withJobs((jobs) => jobs.enqueue(receipt)),
    /payload of "receipt\.send"/,
    /undefined/,
    /null/,
  ],
  [
    "enqueue with a runAt that is a text",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, { runAt: "2026-01-01" })),
    /runAt of "receipt\.send" is "2026-01-01"/,
    /new Date\("2026-01-01"\)/,
  ],
  [
    "enqueue with an expiresAt that is a number",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, { expiresAt: 5 })),
    /expiresAt of "receipt\.send" is 5/,
    /new Date\(5\)/,
  ],
  [
    "enqueue with an id that is no UUID",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, { id: "receipt o_1" })),
    /id of "receipt\.send" is "receipt o_1"/,
    /UUID/,
  ],
  [
    "enqueue with a tenant that is a number",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, { tenant: 7 })),
    /tenant of "receipt\.send" is 7/,
    /text/,
  ],
  [
    "enqueue with a priority that is a text",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, { priority: "high" })),
    /priority of "receipt\.send" is "high"/,
    /-100 to 100/,
  ],
  [
    "enqueue with attempts",
    () => withJobs((jobs) => jobs.enqueue(receipt, 1, { retry: { attempts: 3 } })),
    /retry options of the call for "receipt\.send"/,
    /"attempts"/,
    /"maxAttempts"/,
  ],
  [
    "enqueue of a definition that is not listed",
    () => withJobs((jobs) => jobs.enqueue(unlisted, 1)),
    /"unlisted\.send"/,
    /connect\(\{ jobs \}\)/,
  ],
  [
    "a dead-letter filter that is misspelled",
    () => withJobs((jobs) => jobs.inspector.drop({ id: ["0190b6a2-0000-7000-8000-000000000001"] })),
    /filters of dead letters/,
    /"id"/,
    /"ids"/,
  ],
  [
    "metrics",
    () => withJobs((jobs) => jobMetrics(jobs, { buckets: [1] } as Loose)),
    /jobMetrics/,
    /"buckets"/,
    /"runBuckets"/,
  ],
];

for (const [what, use, ...holds] of wrong) {
  test(`${what}: the error names the option, the value and what to write`, async () => {
    const error = await Promise.resolve()
      .then(use)
      .then(
        () => "it was taken",
        (thrown: WaybillError) => thrown,
      );
    expect(error).toMatchObject({ name: expect.stringMatching(/WaybillError|PayloadError/) });
    for (const held of holds) expect((error as WaybillError).message).toMatch(held);
  });
}

test("the nearest name is the one a slip of the keys stands for, and none where nothing is near", () => {
  const names = ["concurrency", "maxAttempts", "log", "id"];
  expect(
    ["concurency", "Concurrency", "attempts", "logg", "ID", "zebra", "x"].map((name) => nearestName(name, names)),
  ).toEqual(["concurrency", "concurrency", "maxAttempts", "log", "id", null, null]);
});
