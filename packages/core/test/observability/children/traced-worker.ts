/** A worker of another process: runs one job of the file, and writes each span that ended as a line of JSON. */
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { connect, defineJob } from "@waybill/core";
import { telemetry } from "@waybill/core/otel";

const jobs = await connect(process.argv[2] ?? "", { log: "off", telemetry: telemetry() });
// Registered after the connection was opened, as happens where an application sets its SDK up late.
const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const order = defineJob({
  type: "order.ship",
  handler: () => trace.getTracer("handler").startActiveSpan("print label", async (span) => span.end()),
});
const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
await jobs.worker({ jobs: [order] }).start();
await settled;
await jobs.close();
for (const span of exporter.getFinishedSpans()) {
  const { traceId, spanId } = span.spanContext();
  const line = { name: span.name, traceId, spanId, parent: span.parentSpanContext?.spanId };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
