import { expect, test } from "vitest";
import { createHandlerRegistry } from "../../src/execution/handler-registry.ts";
import { RunTracker } from "../../src/execution/run-tracker.ts";
import { defineJob, newId, type Outcome } from "../../src/index.ts";
import { release } from "../../src/job/outcome.ts";
import { memoryCapabilities } from "../../src/memory/limits.ts";
import type { InFlightJob } from "../../src/worker/in-flight-job.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { createJobRunner } from "../../src/worker/job-runner.ts";
import { PrefetchPolicy } from "../../src/worker/prefetch-policy.ts";
import { soon } from "../helpers/connected.ts";
import { lease } from "../helpers/lease.ts";

function runnerOf(handler: () => void | Promise<void>) {
  const inFlight = new InFlightJobs();
  const runs = new RunTracker<InFlightJob>();
  const prefetch = new PrefetchPolicy({ concurrency: 1, prefetch: 500 });
  const { promise, resolve } = Promise.withResolvers<[string, Outcome]>();
  const runner = createJobRunner({
    inFlight,
    runs,
    prefetch,
    gate: null,
    recording: null,
    registry: createHandlerRegistry([defineJob({ type: "t", handler })]),
    settler: {
      store: async (job, outcome) => resolve([job.state, outcome]),
      rejected: () => {},
      counts: { completed: 0, retried: 0, released: 0, dead: 0, discarded: 0, rejected: 0, lost: 0 },
    },
    worker: "w",
    ids: null,
    idsReached: () => {},
    once: async (_job, _key, fn) => fn(),
    scheduled: null,
    ends: { of: () => null },
    isCancelled: () => false,
    seam: {
      backend: { name: "test", address: "test:", capabilities: memoryCapabilities },
      ledger: null,
      completeIn: async () => {},
    },
  });
  const add = (type = "t"): InFlightJob => {
    const id = newId();
    const body = JSON.stringify({ spec: "waybill/1", id, type, args: [{}] });
    return inFlight.add({ ...lease, id, type, body });
  };
  const stored = soon(promise, () => "no outcome came to the settler");
  return { runner, inFlight, runs, prefetch, stored, add };
}

test("a job runs, is settling once its outcome is decided, and counts for the prefetch", async () => {
  const gate = Promise.withResolvers<void>();
  const { runner, runs, prefetch, stored, add } = runnerOf(() => gate.promise);
  const job = add();
  runner.run(job);
  expect([job.state, runs.find(job.id), runs.undecided]).toEqual(["running", job, 1]);
  setTimeout(gate.resolve, 30);
  expect(await stored).toEqual(["settling", { kind: "completed" }]);
  expect([runs.find(job.id), runs.undecided, prefetch.mode(0)]).toEqual([undefined, 0, "polling"]);
  expect(job.ranMs).toBeGreaterThanOrEqual(25);
});

test("a job that is released because its type is unknown does not count for the prefetch", async () => {
  const { runner, prefetch, stored, add } = runnerOf(() => {});
  runner.run(add("unknown"));
  expect(await stored).toMatchObject(["settling", { kind: "release" }]);
  expect(prefetch.mode(0)).toBe("starting");
});

test("a job that is released without having run is settling, and starts no run", async () => {
  const { runner, inFlight, runs, stored, add } = runnerOf(() => {});
  const outcome = release(0, "BUSY", "");
  runner.release(add(), outcome);
  expect(await stored).toEqual(["settling", outcome]);
  expect([runs.size, inFlight.settling, inFlight.leased]).toEqual([0, 1, 0]);
});
