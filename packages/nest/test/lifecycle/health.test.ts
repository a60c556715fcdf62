import { Controller, Get, Inject } from "@nestjs/common";
import { HealthCheck, type HealthCheckResult, HealthCheckService, TerminusModule } from "@nestjs/terminus";
import { defineJob, WaybillError } from "@waybill/core";
import type { Backend, BackendFactory } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { expect, test } from "vitest";
import { JobHandler, WaybillHealthIndicator, WaybillModule, type WaybillOptions } from "../../src/index.ts";
import { secret } from "../support/pushed.ts";
import { listening } from "../support/started.ts";

const job = defineJob({ type: "job", timeout: "10s" });
class Handles {
  @JobHandler(job)
  run(): void {}
}

@Controller()
class Health {
  @Inject(HealthCheckService) readonly health!: HealthCheckService;
  @Inject(WaybillHealthIndicator) readonly waybill!: WaybillHealthIndicator;
  @Get("health")
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.waybill.isHealthy("jobs", { timeout: "50ms" })]);
  }
}

/** An application with a health route, and that route's response. */
async function healthy(options: Partial<WaybillOptions>) {
  const imports = [WaybillModule.forFeature([job]), TerminusModule.forRoot({ logger: false })];
  const { url } = await listening(options, { imports, providers: [Handles], controllers: [Health] });
  const ask = async () => {
    const response = await fetch(`${url}/health`);
    const { details } = (await response.json()) as { readonly details: { readonly jobs: Record<string, unknown> } };
    return { status: response.status, jobs: details.jobs };
  };
  return { ask };
}

/** A memory backend of which some calls fail. */
const memoryWith =
  (change: Partial<Backend> & Record<string, unknown>): BackendFactory =>
  async () => ({ ...(await memoryBackend()()), ...change });
const away = new WaybillError("BACKEND_UNAVAILABLE", "away for lunch");

test("Terminus shows the load of worker and receiver", async () => {
  const { ask } = await healthy({ worker: { concurrency: 3 }, push: { keys: secret, concurrency: 4 } });
  const { status, jobs } = await ask();
  expect(status).toBe(200);
  expect(jobs).toMatchObject({
    status: "up",
    worker: { state: "running", running: 0, concurrency: 3 },
    receiver: { running: 0, concurrency: 4, waiting: 0, draining: false },
  });
});

test("a worker whose backend fails its calls is down, with the backend's error", async () => {
  const lease = () => Promise.reject(away);
  const { ask } = await healthy({ url: memoryWith({ lease }), worker: {} });
  const { status, jobs } = await ask();
  expect([status, jobs["status"], jobs["message"]]).toEqual([503, "down", "away for lunch"]);
});

test("a process without a worker calls the backend, and waits for it no longer than its timeout", async () => {
  expect((await (await healthy({})).ask()).jobs).toEqual({ status: "up" });
  const failing = { counts: () => Promise.reject(away) };
  expect((await (await healthy({ url: memoryWith({ inspector: failing }) })).ask()).jobs["message"]).toBe(away.message);
  const hanging = { counts: () => new Promise(() => {}) };
  const { status, jobs } = await (await healthy({ url: memoryWith({ inspector: hanging }) })).ask();
  expect([status, jobs["message"]]).toEqual([503, "the backend did not respond within 50 ms"]);
});
