import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, handlerFor } from "@waybill/core";
import { startFauxqs } from "@waybill/test-servers";
import { afterAll, beforeAll, describe, test } from "vitest";
import { start } from "./children/start.ts";
import { freshPrefix } from "./fixture.ts";

let server: Awaited<ReturnType<typeof startFauxqs>>;
beforeAll(async () => {
  server = await startFauxqs({ durable: false });
});
afterAll(() => server.stop());

const freshUrl = (more = ""): string => {
  const endpoint = new URL(server.url).searchParams.get("endpoint") ?? "";
  return `sqs://us-east-1/${freshPrefix()}?endpoint=${encodeURIComponent(endpoint)}${more}`;
};

const nap = defineJob({ type: "test.nap" });

describe.concurrent.each(["", "&fifo=true"])("a worker on SQS (%s)", (more) => {
  test("R7: a job of three times its lease runs once", async ({ expect }) => {
    const jobs = await connect(freshUrl(more), { log: "off" });
    const runs: number[] = [];
    const napping = handlerFor(nap, async (_, job) => {
      runs.push(job.attempt);
      await sleep(6_000, undefined, { signal: job.signal });
    });
    const workers = [1, 2].map(() => jobs.worker({ jobs: [napping], lease: "2s" }));
    for (const worker of workers) await worker.start();
    await jobs.enqueue(nap, {});
    await sleep(9_000);
    const reports = await Promise.all(workers.map((worker) => worker.stop()));
    expect(runs).toEqual([1]);
    expect(reports.reduce((sum, { completed }) => sum + completed, 0)).toBe(1);
    await jobs.close();
  });

  test("R7: a killed worker's job runs in another worker once its lease has ended", async ({ expect }) => {
    const url = freshUrl(more);
    const jobs = await connect(url, { log: "off" });
    const other = start("nap", url, { lease: "2s" });
    await jobs.enqueue(nap, {});
    await other.firstLines(1);
    other.kill();
    const killed = performance.now();
    const runs: { readonly attempt: number; readonly afterMs: number }[] = [];
    const noted = handlerFor(nap, (_, job) => {
      runs.push({ attempt: job.attempt, afterMs: performance.now() - killed });
    });
    const worker = jobs.worker({ jobs: [noted], lease: "2s" });
    await worker.start();
    await expect.poll(() => runs.length, { timeout: 10_000 }).toBe(1);
    // On a FIFO queue every delivery is an attempt.
    expect(runs[0]?.attempt).toBe(more === "" ? 1 : 2);
    expect(runs[0]?.afterMs).toBeLessThan(4_000);
    await jobs.close();
  });
});

test("a worker that stops releases its job within its limits, and another leases it at once", async ({ expect }) => {
  const url = freshUrl();
  const jobs = await connect(url, { log: "off" });
  const other = start("nap", url, { lease: "30s" });
  const { id } = await jobs.enqueue(nap, {});
  await other.firstLines(1);
  other.kill("SIGTERM");
  const ran: string[] = [];
  const noted = handlerFor(nap, (_, job) => void ran.push(`${job.id} ${job.attempt}`));
  const worker = jobs.worker({ jobs: [noted] });
  await worker.start();
  expect(await other.ended).toBe(0);
  await expect.poll(() => ran, { timeout: 3_000 }).toEqual([`${id} 1`]);
  await jobs.close();
});

test("while SQS does not respond, enqueue and close end within their timeouts", async ({ expect }) => {
  const url = freshUrl();
  const jobs = await connect(url, { log: "off", enqueueTimeout: "2s", closeTimeout: "1s" });
  const noted = handlerFor(nap, () => undefined);
  const worker = jobs.worker({ jobs: [noted], shutdown: { drain: "1s", abort: "1s", close: "1s" } });
  await worker.start();
  await jobs.enqueue(nap, {});
  server.freeze();
  try {
    const before = performance.now();
    await expect(jobs.enqueue(nap, {})).rejects.toMatchObject({ code: "ENQUEUE_UNKNOWN" });
    expect(performance.now() - before).toBeLessThan(3_000);
    const closing = performance.now();
    await jobs.close();
    expect(performance.now() - closing).toBeLessThan(4_000);
  } finally {
    server.thaw();
  }
});

test("while SQS is down nothing is accepted, and the worker resumes when it is back", async ({ expect }) => {
  const durable = await startFauxqs();
  const endpoint = encodeURIComponent(new URL(durable.url).searchParams.get("endpoint") ?? "");
  const jobs = await connect(`sqs://us-east-1/${freshPrefix()}?endpoint=${endpoint}`, {
    log: "off",
    enqueueTimeout: "2s",
  });
  const ran = new Set<string>();
  const worker = jobs.worker({ jobs: [handlerFor(nap, (_, job) => void ran.add(job.id))], lease: "5s" });
  await worker.start();
  const accepted: string[] = [];
  const put = async (): Promise<void> => {
    await jobs.enqueue(nap, {}).then(
      ({ id }) => accepted.push(id),
      () => sleep(50),
    );
  };
  for (let count = 0; count < 50; count += 1) await put();
  await durable.kill();
  for (let count = 0; count < 3; count += 1) await put();
  await durable.restart();
  const back = performance.now();
  for (let count = 0; count < 50; count += 1) await put();
  await expect.poll(() => accepted.filter((id) => !ran.has(id)), { timeout: 20_000 }).toEqual([]);
  expect(accepted.length).toBeGreaterThan(90);
  expect(performance.now() - back).toBeLessThan(15_000);
  await jobs.close();
  await durable.stop();
});
