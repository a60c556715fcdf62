import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { connect, defineJob } from "@waybill/core";
import { telemetry } from "@waybill/core/otel";
import { freePort } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";
import { fixture, freshPlace, linesOf, type Running, start, until, waybill } from "../cli.ts";
import { type Collector, startCollector } from "../otlp-receiver.ts";

const jobs = fixture("traced");
const traced = defineJob({ type: "traced.step" });
const tracerProvider = new BasicTracerProvider();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** Enqueues a job within a request of this process. Returns the request's trace. */
async function enqueueTraced(url: string): Promise<string> {
  const producer = await connect(url, { log: "off", telemetry: telemetry({ tracerProvider }) });
  const span = tracerProvider.getTracer("test").startSpan("POST /");
  const baggage = propagation.createBaggage({ customer: { value: "ada & co" } });
  const within = propagation.setBaggage(trace.setSpan(context.active(), span), baggage);
  await context.with(within, () => producer.enqueue(traced, null));
  span.end();
  await producer.close();
  return span.spanContext().traceId;
}

/** What a user sets. Spans are sent at the end alone, gauges often. */
const exportTo = (endpoint: string): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  OTEL_SERVICE_NAME: "resizer",
  OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
  OTEL_BSP_SCHEDULE_DELAY: "600000",
  OTEL_METRIC_EXPORT_INTERVAL: "1000",
});

/** Says on stderr what is loaded of OpenTelemetry, whose SDK is not there. */
const withoutSdk = {
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(name, from, next) {
        if (name === "@opentelemetry/sdk-node")
          throw Object.assign(new Error("not there"), { code: "ERR_MODULE_NOT_FOUND" });
        if (name.includes("opentelemetry")) process.stderr.write("loaded " + name + "\\n");
        return next(name, from);
      },
    });`)}`,
};

const settled = (running: Running): Promise<unknown> =>
  until("the settle", () => linesOf(running).some(({ event }) => event === "settled"));

const pointsOf = ({ points }: Collector, name: string): unknown[] => points.filter((point) => point.name === name);

describe("OpenTelemetry by its environment variables", () => {
  test("a worker's spans continue the producer's trace, with its baggage, and are sent before the process ends", async () => {
    const collector = await startCollector();
    const { url, env } = freshPlace();
    const worker = start(["worker", "--jobs", jobs], { ...env, ...exportTo(collector.endpoint) });
    await until("the gauges", () =>
      collector.points.some(({ name, value }) => name === "waybill.slots" && value === 10),
    );
    const traceId = await enqueueTraced(url);
    await settled(worker);
    expect(collector.spans).toEqual([]);
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0, stderr: "" });
    const [span, ...others] = collector.spans;
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      name: "process default",
      traceId,
      parentSpanId: expect.stringMatching(/^[0-9a-f]{16}$/),
      attributes: { "waybill.job.type": "traced.step", "waybill.outcome": "completed", "test.customer": "ada & co" },
      resource: { "service.name": "resizer", "deployment.environment.name": "test" },
    });
    const attributes = expect.objectContaining({ "waybill.job.type": "traced.step" });
    expect(pointsOf(collector, "waybill.process.wait").at(-1)).toMatchObject({ value: 1, attributes });
    expect(pointsOf(collector, "waybill.process.outcomes").at(-1)).toMatchObject({ value: 1, attributes });
    // The last export comes after the connection is closed.
    const up = collector.points.filter(({ name }) => name === "waybill.backend.up");
    expect(new Set(up.map(({ value }) => value))).toEqual(new Set([1]));
  });

  test("waybill push sends its spans as well", async () => {
    const collector = await startCollector();
    const { url, env } = freshPlace();
    const application = createHttpServer((_request, response) => response.end()).listen(0, "127.0.0.1");
    await once(application, "listening");
    onTestFinished(() => void application.close().closeAllConnections());
    const traceId = await enqueueTraced(url);
    const to = `http://127.0.0.1:${(application.address() as AddressInfo).port}/work`;
    const push = start(["push", "--to", to, "--unsigned"], { ...env, ...exportTo(collector.endpoint) });
    await settled(push);
    push.child.kill("SIGTERM");
    expect((await push.ended).code).toBe(0);
    expect(collector.spans).toMatchObject([{ name: "process default", traceId }]);
  });

  test("a collector that is away or frozen delays neither jobs nor the end", async () => {
    const frozen = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(frozen, "listening");
    onTestFinished(() => void frozen.close());
    const ports = [await freePort(), (frozen.address() as AddressInfo).port];
    await Promise.all(
      ports.map(async (port) => {
        const { url, env } = freshPlace();
        await enqueueTraced(url);
        const worker = start(["worker", "--jobs", jobs], { ...env, ...exportTo(`http://127.0.0.1:${port}`) });
        let heard = "";
        worker.child.stderr.on("data", (chunk: string) => (heard += chunk));
        await settled(worker);
        await until("the first fault", () => heard.includes("jobs go on"));
        const askedAt = Date.now();
        worker.child.kill("SIGTERM");
        const { code, stderr } = await worker.ended;
        // The SDK alone tries for 10 s; the limit is 2 s.
        expect(Date.now() - askedAt).toBeLessThan(8_000);
        expect(code).toBe(0);
        const lost = "the last spans and metrics are lost: the collector did not take them within 2 s";
        expect(stderr.trimEnd().split("\n")).toEqual([
          expect.stringMatching(
            /^waybill: OpenTelemetry: .*; jobs go on\. Further errors are not printed; OTEL_LOG_LEVEL=/,
          ),
          `waybill: OpenTelemetry: ${lost}`,
        ]);
      }),
    );
  });

  test("without the SDK the command says what to install; a variable that only describes loads nothing", async () => {
    const { url, env } = freshPlace();
    await enqueueTraced(url);
    const missing = { ...env, ...withoutSdk };
    const asked = await waybill(["worker", "--jobs", jobs], { env: { ...missing, OTEL_TRACES_EXPORTER: "otlp" } });
    expect(asked).toMatchObject({ code: 2, stdout: "" });
    expect(asked.stderr).toContain(
      "OTEL_TRACES_EXPORTER asks for OpenTelemetry, and @opentelemetry/sdk-node is not installed: " +
        "run `npm install @opentelemetry/sdk-node @opentelemetry/api`, or set OTEL_SDK_DISABLED=true",
    );
    const describing = { OTEL_SERVICE_NAME: "resizer", OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: " None " };
    const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_SDK_DISABLED: "true" };
    await Promise.all(
      [describing, disabled].map(async (variables) => {
        const worker = start(["worker", "--jobs", fixture("metered")], { ...missing, ...variables });
        await until("the start", () => linesOf(worker).some(({ event }) => event === "booted"));
        worker.child.kill("SIGTERM");
        expect(await worker.ended).toMatchObject({ code: 0, stderr: "" });
      }),
    );
  });

  test("an SDK that the program registers itself is used, and flushed at the end", async () => {
    const { url, env } = freshPlace();
    const traceId = await enqueueTraced(url);
    const registered = { NODE_OPTIONS: `--import ${fixture("own-sdk")}` };
    const worker = start(["worker", "--jobs", jobs], { ...env, ...registered });
    await settled(worker);
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0, stderr: `process default ${traceId}\nflushed\n` });
  });
});
