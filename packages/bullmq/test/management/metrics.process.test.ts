import { connect } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { startRedis } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";

test.each(["stop", "freeze"] as const)(
  "a scrape while the backend is away (%s) has what the process counted, and says that it is away",
  async (how) => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const jobs = await connect(server.url, { log: "off" });
    onTestFinished(() => jobs.close());
    const metrics = jobMetrics(jobs, { types: ["greeting.print"] });
    await jobs.enqueue("greeting.print", {});
    expect(await metrics.prometheus()).toMatch(/^waybill_backend_up 1$/m);
    if (how === "freeze") server.freeze();
    else await server.kill();
    const text = await metrics.prometheus();
    expect(text).toMatch(/^waybill_backend_up 0$/m);
    expect(text).toMatch(/^waybill_enqueued_total\{queue="default",type="greeting\.print"\} 1$/m);
    expect(text).not.toContain("waybill_jobs");
    if (how === "freeze") server.thaw();
    else await server.restart();
    await expect.poll(() => metrics.prometheus(), { timeout: 30_000 }).toMatch(/^waybill_backend_up 1$/m);
  },
);
