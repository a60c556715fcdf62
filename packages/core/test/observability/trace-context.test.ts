import { SpanKind, trace } from "@opentelemetry/api";
import { expect, onTestFinished, test } from "vitest";
import { parseEnvelope } from "../../src/exports/endpoint.ts";
import { defineJob } from "../../src/index.ts";
import { connected, memoryWith } from "../helpers/connected.ts";
import { placeOf, runAll, traced } from "./traced.ts";

const bodies: string[] = [];
/** Memory, with the bodies it was given last. */
const remembering = memoryWith(({ enqueue }) => ({
  enqueue(messages) {
    bodies.push(...messages.map(({ body }) => body));
    return enqueue(messages);
  },
}));
const lastMeta = (): Readonly<Record<string, unknown>> | undefined => parseEnvelope(bodies.at(-1) ?? "").meta;

const fine = defineJob({ type: "fine", queue: "media", handler() {} });
const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("the trace an envelope carries is W3C's, state included, whichever propagator the program has", async () => {
  const otel = traced();
  const jobs = await connected(remembering, { telemetry: otel.telemetry });
  await jobs.enqueue(fine, {}, { meta: { shop: "north" } });
  const { traceId, spanId } = otel.span("send media").spanContext();
  expect(lastMeta()).toEqual({ shop: "north", traceparent: `00-${traceId}-${spanId}-01` });
  const state = "vendor=opaque";
  await jobs.enqueue(fine, {}, { meta: { traceparent: theirs, tracestate: state } });
  await runAll(
    jobs,
    [defineJob({ type: "fine", queue: "media", handler: async () => void (await jobs.enqueue("next", {})) })],
    2,
  );
  expect(lastMeta()).toMatchObject({ tracestate: state });
});

test("the trace an envelope carries is the caller's where the call names one, and the send links to it", async () => {
  const otel = traced();
  const jobs = await connected(remembering, { telemetry: otel.telemetry });
  await jobs.enqueue(fine, {}, { meta: { traceparent: theirs } });
  expect(lastMeta()).toEqual({ traceparent: theirs });
  await runAll(jobs, [fine], 1);
  const send = otel.span("send media");
  expect(send.kind).toBe(SpanKind.CLIENT);
  expect(send.links.map((link) => link.context.spanId)).toEqual(["b7ad6b7169203331"]);
  expect(placeOf(otel.span("process media"))).toEqual({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    parent: "b7ad6b7169203331",
  });
});

test("the trace an envelope carries stays out of a job whose id is the caller's own, so that equal calls are one job in any two traces", async () => {
  const otel = traced();
  const jobs = await connected(remembering, { telemetry: otel.telemetry });
  const id = "0190b6a2-0000-7000-8000-000000000001";
  const answers: object[] = [];
  for (const name of ["first request", "second request"]) {
    await otel.within(name, async () => answers.push(await jobs.enqueue(fine, { n: 1 }, { id })));
  }
  expect(answers).toEqual([
    { id, stored: true },
    { id, stored: false },
  ]);
  expect(lastMeta()).toBeUndefined();
  expect(otel.spans("send media").map(({ kind, attributes }) => [kind, attributes["waybill.stored"]])).toEqual([
    [SpanKind.CLIENT, true],
    [SpanKind.CLIENT, false],
  ]);
});

test("the trace an envelope carries stays out of an envelope that somebody else made", async () => {
  const otel = traced();
  const jobs = await connected(remembering, { telemetry: otel.telemetry });
  const id = "0190b6a2-0000-7000-8000-000000000002";
  const meta = { traceparent: theirs };
  const body = JSON.stringify({ spec: "waybill/1", id, type: "fine", queue: "media", args: [{}], meta });
  await jobs.enqueueBody(body);
  expect(bodies.at(-1)).toBe(body);
  expect(otel.span("send media").links.map((link) => link.context.spanId)).toEqual(["b7ad6b7169203331"]);
});

test("the trace an envelope carries stays out of a job that would be too large by it", async () => {
  const otel = traced();
  const jobs = await connected(remembering, { telemetry: otel.telemetry });
  const meta = { note: "x".repeat(16_384 - '{"note":""}'.length) };
  expect(await jobs.enqueue(fine, {}, { meta })).toMatchObject({ stored: true });
  expect(lastMeta()).toEqual(meta);
  await expect(jobs.enqueue(fine, {}, { meta: { note: `${meta.note}x` } })).rejects.toMatchObject({
    code: "ENVELOPE_INVALID",
  });
});

test.each([
  "nonsense",
  "00-00000000000000000000000000000000-b7ad6b7169203331-01",
  `${theirs}-more`,
  `ff${theirs.slice(2)}`,
])("the trace an envelope carries is ignored where it cannot be read: %s", async (traceparent) => {
  const otel = traced();
  const jobs = await connected("memory:", { telemetry: otel.telemetry });
  await jobs.enqueue(fine, {}, { meta: { traceparent } });
  await runAll(jobs, [fine], 1);
  expect(otel.span("process media").parentSpanContext).toBeUndefined();
});

test("the trace an envelope carries is not there, and no span is, without telemetry", async () => {
  const otel = traced();
  trace.setGlobalTracerProvider(otel.provider);
  onTestFinished(() => trace.disable());
  const jobs = await connected(remembering);
  await otel.within("GET /", () => jobs.enqueue(fine, {}));
  await runAll(jobs, [fine], 1);
  expect(lastMeta()).toBeUndefined();
  expect(otel.spans().map(({ name }) => name)).toEqual(["GET /"]);
});
