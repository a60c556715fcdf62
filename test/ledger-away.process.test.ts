import { connect, defineJob, type Jobs, type LogLine } from "@waybill/core";
import { serviceUrl, startPostgres, startRedis, type TestServer } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";

const lenders: Readonly<Record<string, () => Promise<TestServer>>> = {
  Redis: () => startRedis({ password: "hush" }),
  PostgreSQL: () => startPostgres(),
};

const quick = defineJob({ type: "quick", queue: "mailers", handler() {} });

interface Opened {
  readonly jobs: Jobs;
  /** The log lines about the ledger, in order. */
  readonly lines: readonly LogLine[];
}

/** A worker on RabbitMQ that borrows the ledger of this server. */
async function opened(server: TestServer): Promise<Opened> {
  const lines: LogLine[] = [];
  const url = await serviceUrl("rabbitmq");
  const jobs = await connect(`${url}${url.includes("?") ? "&" : "?"}prefix=away-${crypto.randomUUID().slice(0, 8)}`, {
    ledger: server.url,
    enqueueTimeout: "3s",
    log: (line) => void (line.event.startsWith("ledger_") && lines.push(line)),
  });
  onTestFinished(() => jobs.close());
  await jobs.worker({ jobs: [quick], heartbeat: 200 }).start();
  return { jobs, lines };
}

/** Resolves once a job that is enqueued now has run. */
async function runsJobs(jobs: Jobs): Promise<void> {
  const settled = new Promise<string>((resolve) => jobs.events.on("settled", ({ outcome }) => resolve(outcome)));
  await jobs.enqueue(quick, {});
  expect(await settled).toBe("completed");
}

/** What `workers()` rejects with: one line, without a password. */
async function refusalOf(jobs: Jobs, server: TestServer): Promise<string> {
  const error: unknown = await jobs.workers().catch((thrown: unknown) => thrown);
  const { code, message } = error as { code?: string; message?: string };
  expect(message).toContain(`:${server.port}`);
  expect(message).not.toContain("hush");
  return String(code);
}

const eventsOf = (lines: readonly LogLine[]): string[] => lines.map(({ event }) => event);
const patience = { timeout: 60_000, interval: 50 };

describe.each(Object.entries(lenders))("jobs on RabbitMQ that borrows the ledger of %s", (_name, start) => {
  test("run while it is away at start, and it is there once its server is", async () => {
    const server = await start();
    onTestFinished(() => server.stop());
    await server.kill();
    const { jobs, lines } = await opened(server);
    await runsJobs(jobs);
    expect(await refusalOf(jobs, server)).toBe("BACKEND_UNAVAILABLE");
    expect(lines).toMatchObject([{ event: "ledger_unavailable", level: "error" }]);
    expect(JSON.stringify(lines)).not.toContain("hush");
    await server.restart();
    await expect.poll(() => eventsOf(lines), patience).toEqual(["ledger_unavailable", "ledger_available"]);
    await expect.poll(() => jobs.workers(), patience).toHaveLength(1);
  });

  test("run while it is killed and started again, and each is said once", async () => {
    const server = await start();
    onTestFinished(() => server.stop());
    const { jobs, lines } = await opened(server);
    await expect.poll(() => jobs.workers(), patience).toHaveLength(1);
    expect(lines).toEqual([]);
    await server.kill();
    await expect.poll(() => eventsOf(lines), patience).toEqual(["ledger_unavailable"]);
    await runsJobs(jobs);
    expect(await refusalOf(jobs, server)).toBe("BACKEND_UNAVAILABLE");
    await server.restart();
    await expect.poll(() => eventsOf(lines), patience).toEqual(["ledger_unavailable", "ledger_available"]);
    await expect.poll(async () => (await jobs.workers()).length, patience).toBe(1);
  });

  test("run while it does not respond, and neither a call nor the end waits for it", async () => {
    const server = await start();
    onTestFinished(() => server.stop());
    const { jobs, lines } = await opened(server);
    await expect.poll(() => jobs.workers(), patience).toHaveLength(1);
    server.freeze();
    await runsJobs(jobs);
    const began = performance.now();
    expect(await refusalOf(jobs, server)).toBe("BACKEND_UNAVAILABLE");
    expect(performance.now() - began).toBeLessThan(3_000 + 3_000);
    expect(eventsOf(lines)).toEqual(["ledger_unavailable"]);
    const ending = performance.now();
    await jobs.close();
    expect(performance.now() - ending).toBeLessThan(15_000);
    server.thaw();
  });
});
