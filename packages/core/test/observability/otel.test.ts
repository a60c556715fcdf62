import { setTimeout as sleep } from "node:timers/promises";
import { metrics, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { describe, expect, onTestFinished, test } from "vitest";
import { createHandlerRegistry, execute } from "../../src/exports/endpoint.ts";
import { currentJob, defineJob, Discard, RetryLater } from "../../src/index.ts";
import { telemetry } from "../../src/observability/otel/index.ts";
import { connected, memoryWith, settledCount } from "../helpers/connected.ts";
import { below, placeOf, runAll, traced } from "./traced.ts";

const fine = defineJob({ type: "fine", queue: "media", handler() {} });
describe("a job and its run are spans", () => {
  test("of one trace: the request, the send within it, the run within that", async () => {
    const otel = traced();
    const jobs = await connected("memory:", { telemetry: otel.telemetry });
    const request = await otel.within("GET /", () => jobs.enqueue(fine, { n: 1 }));
    await runAll(jobs, [fine], 1);
    const [send, process] = [otel.span("send media"), otel.span("process media")];
    expect(placeOf(send)).toEqual(below(request));
    expect(placeOf(process)).toEqual(below(send));
    expect(process.parentSpanContext?.isRemote).toBe(true);
  });

  test("named by the messaging conventions", async () => {
    const otel = traced();
    const jobs = await connected("memory:", { telemetry: otel.telemetry });
    const { id } = await jobs.enqueue(fine, { text: "ä" });
    const worker = jobs.worker({ jobs: [fine] });
    const settled = settledCount(jobs, 1);
    await worker.start();
    await settled;
    const [send, process] = [otel.span("send media"), otel.span("process media")];
    expect(send.kind).toBe(SpanKind.PRODUCER);
    expect(send.attributes).toEqual({
      "messaging.system": "memory",
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.destination.name": "media",
      "messaging.message.id": id,
      "messaging.message.body.size": expect.any(Number),
      "waybill.job.type": "fine",
      "waybill.stored": true,
    });
    expect(process.kind).toBe(SpanKind.CONSUMER);
    expect(process.attributes).toEqual({
      "messaging.system": "memory",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": "media",
      "messaging.message.id": id,
      "messaging.message.body.size": send.attributes["messaging.message.body.size"],
      "messaging.client.id": worker.id,
      "waybill.job.type": "fine",
      "waybill.job.attempt": 1,
      "waybill.job.lost": 0,
      "waybill.job.releases": 0,
      "waybill.job.wait_ms": expect.any(Number),
      "waybill.outcome": "completed",
    });
    expect([send.status.code, process.status.code]).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
    expect(process.instrumentationScope.name).toBe("@waybill/core");
  });

  test("each of its own when many are enqueued at once", async () => {
    const otel = traced();
    const jobs = await connected("memory:", { telemetry: otel.telemetry });
    const request = await otel.within("POST /", () =>
      jobs.enqueueMany([
        { job: fine, payload: { n: 1 } },
        { job: fine, payload: { n: 2 } },
      ]),
    );
    await runAll(jobs, [fine], 2);
    const sends = otel.spans("send media");
    expect(sends.map(placeOf)).toEqual([below(request), below(request)]);
    expect(otel.spans("process media").map(placeOf)).toEqual(sends.map(below));
  });

  test("of two traces where runs are only to link to their producer", async () => {
    const otel = traced({ producer: "link" });
    const jobs = await connected("memory:", { telemetry: otel.telemetry });
    await jobs.enqueue(fine, {});
    await runAll(jobs, [fine], 1);
    const [send, process] = [otel.span("send media"), otel.span("process media")];
    expect(process.parentSpanContext).toBeUndefined();
    expect(process.links.map((link) => link.context)).toEqual([
      expect.objectContaining({ traceId: send.spanContext().traceId, spanId: send.spanContext().spanId }),
    ]);
  });

  test("and the span in which a worker was started has no part in its runs", async () => {
    const otel = traced();
    const jobs = await connected("memory:", { telemetry: otel.telemetry });
    await otel.within("start", async () => {
      await jobs.enqueue(fine, {}, { id: "0190b6a2-0000-7000-8000-000000000001" });
      await runAll(jobs, [fine], 1);
    });
    const process = otel.span("process media");
    expect(process.parentSpanContext).toBeUndefined();
    expect(process.links).toEqual([]);
  });
});

describe("within a handler", () => {
  test("the run's span is the active one: spans and jobs made there are its children, through middleware too", async () => {
    const otel = traced();
    const jobs = await connected("memory:", { telemetry: otel.telemetry });
    const parent = defineJob({
      type: "parent",
      async handler() {
        await sleep(1);
        await otel.within("query", async () => {});
        await jobs.enqueue(fine, {});
      },
    });
    const inMiddleware: (string | undefined)[] = [];
    await jobs.enqueue(parent, {});
    const settled = settledCount(jobs, 2);
    const middleware = [
      async (_: unknown, next: () => Promise<void>) => {
        inMiddleware.push(trace.getActiveSpan()?.spanContext().spanId);
        await next();
      },
    ];
    await jobs.worker({ jobs: [parent, fine], middleware }).start();
    await settled;
    const [process, next] = [otel.span("process default"), otel.span("process media")];
    expect(placeOf(otel.span("query"))).toEqual(below(process));
    expect(placeOf(otel.span("send media"))).toEqual(below(process));
    expect(placeOf(next)).toEqual(below(otel.span("send media")));
    expect(inMiddleware).toEqual([process.spanContext().spanId, next.spanContext().spanId]);
  });

  for (const concurrency of [1, 8]) {
    test(`it is that job's and no other's, at concurrency ${concurrency}`, async () => {
      const otel = traced();
      const jobs = await connected("memory:", { telemetry: otel.telemetry });
      const seen = new Map<string, (string | undefined)[]>();
      const active = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;
      const job = defineJob({
        type: "many",
        async handler(payload) {
          const before = active();
          await sleep((payload as { n: number }).n % 3);
          seen.set(currentJob().id, [before, active()]);
        },
      });
      const settled = settledCount(jobs, 20);
      await jobs.worker({ jobs: [job], concurrency }).start();
      for (let n = 0; n < 20; n++) await jobs.enqueue(job, { n });
      await settled;
      const spans = otel.spans("process default");
      expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(20);
      for (const span of spans) {
        const { spanId } = span.spanContext();
        expect(seen.get(String(span.attributes["messaging.message.id"]))).toEqual([spanId, spanId]);
      }
    });
  }
});

describe("how a run ended", () => {
  test("is in its span: the outcome, the reason, and the error where it failed", async () => {
    const otel = traced();
    const jobs = await connected("memory:", { telemetry: otel.telemetry });
    const failing = (type: string, thrown: Error, maxAttempts = 2) =>
      defineJob({ type, retry: { maxAttempts, initial: "1h", jitter: false }, handler: () => Promise.reject(thrown) });
    const broken = Object.assign(new Error("no printer"), { code: "E_PRINTER" });
    const definitions = [
      failing("retried", broken),
      failing("exhausted", new TypeError("odd"), 1),
      failing("discarded", new Discard("gone")),
      failing("put.off", new RetryLater(60_000)),
    ];
    for (const { type } of definitions) await jobs.enqueue(type, {});
    await jobs.enqueue("nobody.knows", {});
    await jobs.enqueue("retried", {}, { expiresIn: 1 });
    await sleep(5);
    await runAll(jobs, definitions, 6);
    const ends = otel.spans("process default").map(({ attributes, status, events }) => ({
      type: attributes["waybill.job.type"],
      outcome: attributes["waybill.outcome"],
      reason: attributes["waybill.reason"],
      error: attributes["error.type"],
      delayMs: attributes["waybill.delay_ms"],
      status: status.code,
      message: status.message,
      exceptions: events.map(({ attributes: its }) => its?.["exception.message"]),
    }));
    const ERROR = SpanStatusCode.ERROR;
    const ok = { status: SpanStatusCode.UNSET, message: undefined, exceptions: [], error: undefined };
    const none = { delayMs: undefined };
    expect(ends).toHaveLength(6);
    expect(ends).toEqual(
      expect.arrayContaining([
        {
          type: "retried",
          outcome: "retry",
          reason: "E_PRINTER",
          error: "E_PRINTER",
          delayMs: 3_600_000,
          status: ERROR,
          message: "Error: no printer",
          exceptions: ["no printer"],
        },
        {
          type: "exhausted",
          outcome: "dead",
          reason: "ATTEMPTS_EXHAUSTED",
          error: "TypeError",
          ...none,
          status: ERROR,
          message: "attempt 1 of 1 failed: TypeError: odd",
          exceptions: ["odd"],
        },
        {
          type: "discarded",
          outcome: "dead",
          reason: "DISCARDED",
          error: "DISCARDED",
          ...none,
          status: ERROR,
          message: "gone",
          exceptions: ["gone"],
        },
        { type: "put.off", outcome: "release", reason: "RETRY_LATER", delayMs: 60_000, ...ok },
        { type: "nobody.knows", outcome: "release", reason: "JOB_UNKNOWN", delayMs: 5_000, ...ok },
        expect.objectContaining({
          type: "retried",
          outcome: "dead",
          reason: "EXPIRED",
          error: "EXPIRED",
          status: ERROR,
          exceptions: [],
        }),
      ]),
    );
  });

  test("a failed send says so, and one that was refused before counts as no message", async () => {
    const otel = traced();
    const full = memoryWith(() => ({ enqueue: () => Promise.reject(new Error("disk on fire")) }));
    const jobs = await connected(full, { telemetry: otel.telemetry });
    await expect(jobs.enqueue(fine, {})).rejects.toMatchObject({ code: "ENQUEUE_UNKNOWN" });
    await expect(jobs.enqueue(fine, "x".repeat(300_000))).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
    const [failed, refused] = otel.spans("send media");
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
    expect(failed?.attributes).toMatchObject({ "error.type": "ENQUEUE_UNKNOWN", "waybill.stored": false });
    expect(refused?.attributes).toMatchObject({ "error.type": "CAPABILITY_MISSING" });
    expect(refused?.attributes).not.toHaveProperty("messaging.message.body.size");
    expect(await otel.measured("messaging.client.sent.messages")).toMatchObject([{ value: 1 }]);
  });
});

test("a delivery that is no envelope has a span too, by what its door knows of it", async () => {
  const otel = traced();
  const label = { id: "0190b6a2-0000-7000-8000-000000000003", type: "fine", queue: "media" };
  const counts = { attempt: 2, lost: 1, releases: 3, dueAt: null, signature: null };
  const from = { name: "sqsd" };
  const delivery = { body: "nonsense", ...counts, label, from, worker: "w1" };
  await execute(delivery, createHandlerRegistry([fine], { telemetry: otel.telemetry }));
  const { status, attributes } = otel.span("process media");
  expect(status.code).toBe(SpanStatusCode.ERROR);
  expect(attributes).toMatchObject({
    "messaging.system": "aws_sqs",
    "messaging.message.id": label.id,
    "messaging.client.id": "w1",
    "waybill.job.type": "fine",
    "waybill.job.attempt": 2,
    "waybill.job.lost": 1,
    "waybill.job.releases": 3,
    "waybill.outcome": "dead",
    "waybill.reason": "JSON_SYNTAX",
    "error.type": "ENVELOPE_INVALID",
  });
});

test.each<[string, string, string, object]>([
  ["bullmq", "rediss://cache.local:6380/0", "bullmq", { host: "cache.local", port: 6_380 }],
  ["bullmq", "redis://[::1]:6379/0", "bullmq", { host: "::1", port: 6_379 }],
  ["bullmq", "redis:cluster", "bullmq", {}],
  ["rabbitmq", "amqps://broker.local:5671/shop", "rabbitmq", { host: "broker.local", port: 5_671 }],
  ["postgres", "postgres://db.local/shop?schema=waybill", "postgresql", { host: "db.local" }],
  ["postgres", "postgres:///var/run/postgresql/shop?schema=waybill", "postgresql", {}],
  ["sqs", "sqs://eu-west-1/shop- at http://127.0.0.1:9324", "aws_sqs", {}],
  ["sqlite", "sqlite:/srv/jobs.db", "sqlite", {}],
])(
  "%s at %s is named by system, and by server where it is one",
  async (name, address, system, { host, port }: { host?: string; port?: number }) => {
    const otel = traced();
    const jobs = await connected(
      memoryWith(() => ({ name, address })),
      { telemetry: otel.telemetry },
    );
    await jobs.enqueue(fine, {});
    const { attributes } = otel.span("send media");
    const told = ["messaging.system", "server.address", "server.port"].map((key) => attributes[key]);
    expect(told).toEqual([system, host, port]);
  },
);

test("metrics have the names, units and attributes of the conventions, and outcomes of our own", async () => {
  const otel = traced();
  const jobs = await connected("memory:", { telemetry: otel.telemetry });
  const broken = defineJob({
    type: "broken",
    queue: "media",
    handler: () => Promise.reject(new TypeError("odd")),
  });
  await jobs.enqueue(fine, {});
  await jobs.enqueue(fine, {});
  await jobs.enqueue(broken, {});
  await runAll(jobs, [fine, broken], 3);
  const here = { "messaging.system": "memory", "messaging.destination.name": "media" };
  const sends = { ...here, "messaging.operation.name": "send" };
  const runs = { ...here, "messaging.operation.name": "process" };
  const failed = { ...runs, "error.type": "TypeError" };
  const settles = (name: string) => ({
    ...here,
    "messaging.operation.name": name,
    "messaging.operation.type": "settle",
  });
  const unit = "{message}";
  expect(await otel.measured("messaging.client.sent.messages")).toEqual([{ unit, attributes: sends, value: 3 }]);
  expect(await otel.measured("messaging.client.consumed.messages")).toEqual([
    { unit, attributes: runs, value: 2 },
    { unit, attributes: failed, value: 1 },
  ]);
  expect(await otel.measured("messaging.process.duration")).toEqual([
    { unit: "s", attributes: runs, value: 2 },
    { unit: "s", attributes: failed, value: 1 },
  ]);
  const operations = await otel.measured("messaging.client.operation.duration");
  expect(operations).toHaveLength(3);
  expect(operations).toEqual(
    expect.arrayContaining([
      { unit: "s", attributes: { ...sends, "messaging.operation.type": "send" }, value: 3 },
      { unit: "s", attributes: settles("ack"), value: 2 },
      { unit: "s", attributes: settles("retry"), value: 1 },
    ]),
  );
  const ended = { ...here, "waybill.outcome": "completed", "waybill.job.type": "fine" };
  expect(await otel.measured("waybill.process.outcomes")).toEqual([
    { unit: "{job}", attributes: ended, value: 2 },
    {
      unit: "{job}",
      attributes: { ...ended, "waybill.job.type": "broken", "waybill.outcome": "retry", "waybill.reason": "TypeError" },
      value: 1,
    },
  ]);
});

test("providers that are registered after the first job are found", async () => {
  const otel = traced();
  const jobs = await connected("memory:", { telemetry: telemetry() });
  await jobs.enqueue(fine, {});
  trace.setGlobalTracerProvider(otel.provider);
  metrics.setGlobalMeterProvider(otel.meterProvider);
  onTestFinished(() => {
    trace.disable();
    metrics.disable();
  });
  await jobs.enqueue(fine, {});
  await runAll(jobs, [fine], 2);
  expect(otel.spans("send media")).toHaveLength(1);
  expect(otel.spans("process media")).toHaveLength(2);
  expect(await otel.measured("messaging.client.sent.messages")).toMatchObject([{ value: 1 }]);
  expect(await otel.measured("messaging.process.duration")).toMatchObject([{ value: 2 }]);
});
