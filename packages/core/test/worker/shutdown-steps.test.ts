import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { RunTracker } from "../../src/execution/run-tracker.ts";
import type { InFlightJob } from "../../src/worker/in-flight-job.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { shutDown, type ShutdownSteps } from "../../src/worker/shutdown.ts";
import { lease } from "../helpers/lease.ts";
import { soon } from "../helpers/connected.ts";

const LONG_MS = 5_000;
const never = new Promise<never>(() => {});

function shutdownOf(limits: Partial<ShutdownSteps["settings"]> = {}, steps: Partial<ShutdownSteps> = {}) {
  const inFlight = new InFlightJobs();
  const runs = new RunTracker<InFlightJob>();
  const log: string[] = [];
  const start = (handler: (job: InFlightJob) => Promise<void>): InFlightJob => {
    const job = inFlight.add(lease);
    inFlight.start(job);
    const run = () =>
      job.handle.run(
        () => handler(job),
        60_000,
        () => new Error("late") as never,
      );
    const decided = runs.track(job, () => run().catch(({ code }: { code: string }) => void log.push(code)));
    void (async () => {
      await decided;
      inFlight.settle(job);
      log.push("decided");
    })();
    return job;
  };
  const begin = async (): Promise<number> => {
    const startedAt = performance.now();
    const done = shutDown({
      inFlight,
      runs,
      settings: { drainMs: LONG_MS, abortMs: LONG_MS, closeMs: LONG_MS, ...limits },
      stopLeasing: async () => void log.push("stop leasing"),
      releaseLeased: () => void log.push("release"),
      deregister: async () => void log.push("deregister"),
      forced: never,
      ...steps,
    });
    await soon(done, () => `the shutdown has not ended after ${log.join(", ")}`);
    return performance.now() - startedAt;
  };
  return { inFlight, log, start, begin };
}

test("an idle worker stops at once: no more leases, what waits released, the worker deregistered", async () => {
  const { log, begin } = shutdownOf();
  expect(await begin()).toBeLessThan(1_000);
  expect(log).toEqual(["stop leasing", "release", "deregister"]);
});

test("running jobs may finish, and nothing is aborted or deregistered meanwhile", async () => {
  const { inFlight, log, start, begin } = shutdownOf();
  const job = start(() => sleep(50));
  inFlight.onChange(() => void (job.state === "settling" && setTimeout(() => inFlight.remove(job), 20)));
  expect(await begin()).toBeLessThan(1_000);
  expect(log).toEqual(["stop leasing", "release", "decided", "deregister"]);
  expect(job.handle.reason).toBeNull();
});

test("what runs after the drain is aborted with SHUTDOWN, and decided without its handler after the abort limit", async () => {
  const { log, start, begin } = shutdownOf({ drainMs: 30, abortMs: 60, closeMs: 10 });
  const job = start(() => never);
  const tookMs = await begin();
  expect(log).toEqual(["stop leasing", "release", "SHUTDOWN", "decided", "deregister"]);
  expect(job.handle.signal.reason).toMatchObject({ code: "SHUTDOWN" });
  expect(tookMs).toBeGreaterThanOrEqual(85);
  expect(tookMs).toBeLessThan(2_000);
});

test("a job that ends when it is aborted is not waited for any longer", async () => {
  const { log, start, begin } = shutdownOf({ drainMs: 10, closeMs: 10 });
  start((job) => new Promise((resolve) => job.handle.signal.addEventListener("abort", () => resolve())));
  expect(await begin()).toBeLessThan(2_000);
  expect(log).toContain("decided");
});

test("a forced shutdown aborts running jobs at once", async () => {
  const { log, start, begin } = shutdownOf({ abortMs: 10, closeMs: 10 }, { forced: Promise.resolve() });
  start(() => never);
  expect(await begin()).toBeLessThan(2_000);
  expect(log).toEqual(["stop leasing", "release", "SHUTDOWN", "decided", "deregister"]);
});

test("outcomes may be stored until the limit, and no longer", async () => {
  const { inFlight, begin } = shutdownOf({ closeMs: 100 });
  inFlight.settle(inFlight.add(lease));
  const tookMs = await begin();
  expect(tookMs).toBeGreaterThanOrEqual(95);
  expect(tookMs).toBeLessThan(2_000);
});

test("once the last outcome is stored it ends, and leaves no timer behind", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const { inFlight, begin } = shutdownOf();
  const jobs = [inFlight.add(lease), inFlight.add(lease)];
  for (const job of jobs) inFlight.settle(job);
  const [first, last] = jobs as [InFlightJob, InFlightJob];
  const done = begin();
  await sleep(20);
  inFlight.remove(first);
  expect(await Promise.race([done, sleep(30, "still waits")])).toBe("still waits");
  // Its own, and that of the whole step.
  const during = timers();
  inFlight.remove(last);
  expect(await done).toBeLessThan(2_000);
  expect(timers()).toBeLessThanOrEqual(during - 2);
});

test("a lease loop or a registry that hangs is waited for until the limit", async () => {
  const { begin } = shutdownOf({ closeMs: 50 }, { stopLeasing: () => never });
  expect(await begin()).toBeGreaterThanOrEqual(45);
  const other = shutdownOf({ closeMs: 50 }, { deregister: () => never });
  expect(await other.begin()).toBeGreaterThanOrEqual(45);
});
