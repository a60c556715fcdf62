import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { defineJob } from "@waybill/core";
import { telemetry, type TelemetryOptions } from "@waybill/core/otel";
import { expect, test } from "vitest";
import { createReceiver, type Receiver } from "../../src/index.ts";
import { envelope, idIn } from "../support/daemon-request.ts";
import { type PostedResponse, keys, post, serving, signed } from "../support/signed-requests.ts";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const producer = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const meta = { traceparent: `00-${producer.traceId}-${producer.spanId}-01` };
const active: (string | undefined)[] = [];
const jobs = [
  defineJob({ type: "works", handler: () => void active.push(trace.getActiveSpan()?.spanContext().spanId) }),
  defineJob({ type: "fails", handler: () => Promise.reject(new TypeError("odd")) }),
];

/** A receiver in a server whose requests are spans, as its instrumentation makes them. */
async function tracedReceiver(options: TelemetryOptions = {}) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const given = telemetry({ tracerProvider: provider, ...options });
  const receiver: Receiver = createReceiver({ jobs, keys, log: "off", telemetry: given });
  const origin = await serving({
    matches: receiver.matches,
    receive: (push) =>
      provider.getTracer("http").startActiveSpan("POST /work", async (span) => {
        const response = await receiver.receive(push);
        span.end();
        return response;
      }),
  });
  const push = (type: string, more: object = { meta }): Promise<PostedResponse> => {
    const body = JSON.stringify({ ...JSON.parse(envelope(type)), ...more });
    return post(`${origin}/work`, body, { headers: signed(body, { id: idIn(body) }) });
  };
  const span = (name: string) => {
    const found = exporter.getFinishedSpans().filter((one) => one.name === name);
    expect(found, name).toHaveLength(1);
    return found[0] as (typeof found)[0];
  };
  return { push, span };
}

test("a pushed job's run is a child of the span that enqueued it, and links to the request's span", async () => {
  const { push, span } = await tracedReceiver();
  expect((await push("works")).status).toBe(200);
  const [request, run] = [span("POST /work"), span("process default")];
  expect(run.kind).toBe(SpanKind.CONSUMER);
  expect(run.parentSpanContext).toMatchObject(producer);
  expect(run.links.map((link) => link.context.spanId)).toEqual([request.spanContext().spanId]);
  expect(run.attributes).toMatchObject({ "messaging.system": "waybill", "waybill.outcome": "completed" });
  expect(active.pop()).toBe(run.spanContext().spanId);
});

test("it is a child of the request's span and links to the span that enqueued it, where that is configured", async () => {
  const { push, span } = await tracedReceiver({ producer: "link" });
  await push("fails");
  const run = span("process default");
  expect(run.parentSpanContext?.spanId).toBe(span("POST /work").spanContext().spanId);
  expect(run.links.map((link) => link.context)).toEqual([expect.objectContaining(producer)]);
  expect(run.status.code).toBe(SpanStatusCode.ERROR);
  expect(run.attributes).toMatchObject({ "error.type": "TypeError", "waybill.outcome": "retry" });
});

test("one that carries no trace is a child of its request", async () => {
  const { push, span } = await tracedReceiver();
  await push("works", {});
  expect(span("process default").parentSpanContext?.spanId).toBe(span("POST /work").spanContext().spanId);
});
