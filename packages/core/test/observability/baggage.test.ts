import { type Baggage, context, propagation } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { parseEnvelope } from "../../src/exports/endpoint.ts";
import { defineJob, type EnqueueOptions } from "../../src/index.ts";
import { jobMetrics } from "../../src/observability/metrics/index.ts";
import { exportGauges } from "../../src/observability/otel/index.ts";
import { connected, memoryWith } from "../helpers/connected.ts";
import { runAll, traced } from "./traced.ts";

/** Enqueues a job within that baggage. Returns its envelope's `meta`, and the baggage that its handler finds. */
async function carried(baggage: Record<string, string>, options: EnqueueOptions = {}) {
  let body = "";
  const remembering = memoryWith(({ enqueue }) => ({
    enqueue(messages) {
      body = messages[0]?.body ?? "";
      return enqueue(messages);
    },
  }));
  const jobs = await connected(remembering, { telemetry: traced().telemetry });
  let found: Baggage | undefined;
  const job = defineJob({ type: "fine", handler: () => void (found = propagation.getActiveBaggage()) });
  const entries = Object.fromEntries(Object.entries(baggage).map(([key, value]) => [key, { value }]));
  const within = propagation.setBaggage(context.active(), propagation.createBaggage(entries));
  await context.with(within, () => jobs.enqueue(job, {}, options));
  await runAll(jobs, [job], 1);
  const values = found?.getAllEntries().map(([key, { value }]) => [key, value]) ?? [];
  return { meta: parseEnvelope(body).meta, handler: Object.fromEntries(values) as Record<string, string> };
}

test("baggage travels from the producer to the handler, in the envelope, byte for byte what W3C writes", async () => {
  const given = { shop: "north", "user.name": "Zoë, A=B;C" };
  const { meta, handler } = await carried(given);
  expect(meta).toMatchObject({ baggage: "shop=north,user.name=Zo%C3%AB%2C%20A%3DB%3BC" });
  expect(handler).toEqual(given);
});

test("no baggage leaves no member, and the caller's own stays", async () => {
  expect((await carried({})).meta).not.toHaveProperty("baggage");
  const { meta, handler } = await carried(
    { shop: "north" },
    { meta: { baggage: "shop=south;ttl=1, broken, x=%zz,=,a b=c" } },
  );
  expect(meta).toMatchObject({ baggage: "shop=south;ttl=1, broken, x=%zz,=,a b=c" });
  expect(handler).toEqual({ shop: "south" });
});

test("what exceeds W3C's limits is left out, and a name that is no token", async () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, "v"]));
  expect(Object.keys((await carried(many)).handler)).toHaveLength(64);
  expect((await carried({ big: "x".repeat(9_000), small: "y", "not a token": "z" })).handler).toEqual({ small: "y" });
});

test("OpenTelemetry has the gauges of a scrape, with their units", async () => {
  const otel = traced();
  const jobs = await connected();
  const metrics = jobMetrics(jobs);
  const end = exportGauges(metrics, { meterProvider: otel.meterProvider });
  const job = defineJob({ type: "fine", queue: "media", handler() {} });
  await jobs.enqueue(job, {});
  const ready = (await otel.measured("waybill.jobs")).find(({ attributes }) => attributes["waybill.state"] === "ready");
  expect(ready).toEqual({
    unit: "{job}",
    value: 1,
    attributes: { "messaging.destination.name": "media", "waybill.state": "ready" },
  });
  const worker = jobs.worker({ jobs: [job], concurrency: 4 });
  await worker.start();
  expect(await otel.measured("waybill.slots")).toEqual([{ unit: "{slot}", value: 4, attributes: {} }]);
  expect(await otel.measured("waybill.drain")).toMatchObject([{ unit: "s" }]);
  expect(await otel.measured("waybill.workers.desired")).toMatchObject([{ unit: "{worker}" }]);
  end();
});
