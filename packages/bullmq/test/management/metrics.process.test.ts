import { connect, defineJob } from "@waybill/core";
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

test("R65: a Redis that is full is seen by its memory ratio and by the jobs it refused, and stores jobs again once drained", async () => {
  const server = await startRedis({ args: ["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"] });
  onTestFinished(() => server.stop());
  const big = defineJob({ type: "big.step", handler() {} });
  const jobs = await connect(server.url, { log: "off" });
  onTestFinished(() => jobs.close());
  const metrics = jobMetrics(jobs);
  const ratio = async (): Promise<number> =>
    Number(/^waybill_backend_memory_ratio (\S+)$/m.exec(await metrics.prometheus())?.[1]);
  const before = await ratio();
  expect(before).toBeGreaterThan(0);
  const payload = "x".repeat(20_000);
  const fill = async (): Promise<void> => {
    for (let n = 0; n < 500; n++) await jobs.enqueue(big, payload);
  };
  await expect(fill()).rejects.toMatchObject({ code: "BACKEND_FULL" });
  const full = await metrics.prometheus();
  expect(full).toContain('waybill_enqueue_failed_total{queue="default",type="big.step",code="BACKEND_FULL"} 1\n');
  expect(full).toContain(`waybill_backend_memory_limit_bytes ${3 * 1_048_576}\n`);
  expect(await ratio()).toBeGreaterThan(0.95);
  await jobs.worker({ jobs: [big] }).start();
  await expect
    .poll(
      () =>
        jobs.enqueue(big, payload).then(
          ({ stored }) => stored,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true);
  await expect.poll(ratio, { timeout: 30_000 }).toBeLessThan(0.95);
});
