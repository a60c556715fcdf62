import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { defineJob, WaybillError } from "../../src/index.ts";
import { moveClock } from "../../src/time/clock.ts";
import { connected, eventOf, memoryWith } from "../helpers/connected.ts";

const job = defineJob({ type: "job", handler: () => sleep(20) });
const states = (worker: { health(): { readonly state: string } }): string => worker.health().state;

test("a worker's health follows it from its start to its end", async () => {
  const jobs = await connected();
  const worker = jobs.worker({ jobs: [job], concurrency: 3 });
  expect(worker.health()).toEqual({
    state: "new",
    running: 0,
    concurrency: 3,
    lastResponseMs: null,
    message: null,
    unavailableMs: null,
  });
  await worker.start();
  const started = eventOf(jobs, "started");
  await jobs.enqueue(job, {});
  await started;
  expect(worker.health()).toMatchObject({ state: "running", running: 1, lastResponseMs: expect.any(Number) });
  const stopped = worker.stop();
  expect(states(worker)).toBe("draining");
  await stopped;
  expect(states(worker)).toBe("stopped");
});

test("a backend that fails calls makes the worker unavailable until they get through", async () => {
  let fails = true;
  const jobs = await connected(
    memoryWith(({ lease }) => ({
      lease: async (request) => {
        if (fails) throw new WaybillError("BACKEND_UNAVAILABLE", "away for lunch");
        return lease(request);
      },
    })),
  );
  const worker = jobs.worker({ jobs: [job] });
  const unavailable = eventOf(jobs, "unavailable");
  await worker.start();
  await unavailable;
  expect(worker.health()).toMatchObject({
    state: "unavailable",
    message: "away for lunch",
    lastResponseMs: null,
    unavailableMs: expect.any(Number),
  });
  fails = false;
  const recovered = eventOf(jobs, "recovered");
  await jobs.enqueue(job, {});
  await recovered;
  expect(worker.health()).toMatchObject({ state: "running", message: null });
  await worker.stop();
});

test("an outcome that could not be stored while its lease held leaves no worker unavailable behind", async () => {
  const jobs = await connected(
    memoryWith(({ lease }) => {
      let isGiven = false;
      return {
        // Once: a second run of the same job would be as unable to be stored.
        lease: async (request) => {
          if (isGiven) return sleep(5, []);
          const leases = await lease(request);
          isGiven = leases.length > 0;
          return leases;
        },
        ack: () => Promise.reject(new WaybillError("BACKEND_UNAVAILABLE", "acks get lost")),
        extend: () => Promise.reject(new WaybillError("BACKEND_UNAVAILABLE", "extensions get lost, too")),
      };
    }),
  );
  const worker = jobs.worker({ jobs: [job], lease: "100ms" });
  const [unavailable, recovered, lost] = [
    eventOf(jobs, "unavailable"),
    eventOf(jobs, "recovered"),
    eventOf(jobs, "lease_lost"),
  ];
  await worker.start();
  await jobs.enqueue(job, {});
  await unavailable;
  await lost;
  await recovered;
  await worker.stop();
});

test("a lease call that never returns makes a worker silent; slots that are all occupied do not", async () => {
  const jobs = await connected(memoryWith(() => ({ lease: () => new Promise(() => {}) })));
  const worker = jobs.worker({ jobs: [job], shutdown: { close: "10ms" } });
  await worker.start();
  const long = defineJob({ type: "long", handler: (_, { signal }) => sleep(60_000, undefined, { signal }) });
  const others = await connected();
  const busy = others.worker({ jobs: [long], concurrency: 1, shutdown: { drain: "1ms" } });
  const started = eventOf(others, "started");
  await busy.start();
  await others.enqueue(long, {});
  await started;
  const back = moveClock(31_000);
  expect([states(worker), states(busy)]).toEqual(["silent", "running"]);
  back();
  await Promise.all([worker.stop(), busy.stop()]);
});
