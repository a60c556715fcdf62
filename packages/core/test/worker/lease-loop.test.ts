import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Lease, LeaseRequest } from "../../src/exports/backend.ts";
import { EventBus, WaybillError } from "../../src/index.ts";
import { createReachability } from "../../src/observability/reachability.ts";
import { type LeaseLoopSettings, runLeaseLoop } from "../../src/worker/lease-loop.ts";
import { lease } from "../helpers/lease.ts";
import { soon } from "../helpers/connected.ts";

const LEASE_MS = 300;
type Step = Lease[] | Error;

/** Runs a loop whose lease calls return these one after the other, and which is stopped by a limit of 0 after them. */
async function loop(
  steps: Step[],
  {
    ageMs = 0,
    extended = [] as boolean[],
    limits = [] as number[],
    log = [] as string[],
    control = null as LeaseLoopSettings["control"],
    beforeLimit = () => {},
  } = {},
) {
  const requests: LeaseRequest[] = [];
  const times: number[] = [];
  const arrived: Lease[][] = [];
  const refused: Error[] = [];
  const events = new EventBus();
  for (const name of ["unavailable", "recovered"] as const) events.on(name, () => void log.push(name));
  const reachability = createReachability(events, "w");
  const calls = steps.length;
  const asking: number[] = [];
  const ended = runLeaseLoop({
    seam: {
      async lease(request) {
        requests.push(request);
        times.push(performance.now());
        await sleep(5);
        asking.push(reachability.askingMs());
        const step = steps.shift() ?? [];
        if (step instanceof Error) throw step;
        return step;
      },
      extend: async (leases, ms) => {
        log.push(`extend ${leases.length} ${ms}`);
        const error = new WaybillError("LEASE_LOST", "gone");
        return leases.map((_, at) => (extended[at] ? { ok: true, value: 77 } : { ok: false, error }));
      },
    },
    dispatcher: {
      async nextLimit() {
        beforeLimit();
        return limits.shift() ?? (requests.length < calls ? 3 : 0);
      },
    },
    scheduler: { requested: (queue) => void log.push(`+${queue}`), responded: (queue) => void log.push(`-${queue}`) },
    queue: "q",
    leaseMs: LEASE_MS,
    limits: {},
    signal: new AbortController().signal,
    arrived: (leases) => void arrived.push([...leases]),
    reachability,
    control,
    excludesTypes: false,
    freezes: { respondedSince: () => performance.now() - ageMs, end: () => {} },
    refused: (error) => void refused.push(error),
  });
  await soon(ended, () => `the loop has not ended after ${requests.length} calls`);
  return { log, requests, times, arrived, refused, asking, reachability };
}

/** A pause of the queue, which the test sets and lifts. */
function pauseOf() {
  let isPaused = false;
  let changed = (): void => {};
  const control = {
    isPaused: () => isPaused,
    pausedTypes: [],
    onChange(listener: () => void) {
      changed = listener;
      return () => {};
    },
  };
  const set = (paused: boolean): void => {
    isPaused = paused;
    changed();
  };
  return { control, set };
}

const failed = new WaybillError("BACKEND_UNAVAILABLE", "away");
const job = { ...lease, id: "1" };

test("it leases as many jobs as it may, and hands on those it gets, until it may lease none", async () => {
  const { log, requests, arrived, reachability, asking } = await loop([[job], []], { limits: [5, 7, 0] });
  expect(requests).toMatchObject([
    { queue: "q", limit: 5, leaseMs: LEASE_MS, waitMs: 10_000 },
    { queue: "q", limit: 7 },
  ]);
  expect(arrived).toEqual([[job]]);
  expect(log).toEqual(["+q", "-q", "+q", "-q"]);
  expect([reachability.respondedMs(), reachability.askingMs()]).toEqual([expect.any(Number), 0]);
  for (const ms of asking) expect(ms).toBeGreaterThan(0);
});

test("after an error it waits and goes on, and reports the outage and its end", async () => {
  const startedAt = performance.now();
  const { log, arrived } = await loop([failed, [job]]);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
  expect(log).toEqual(["+q", "unavailable", "+q", "-q", "recovered"]);
  expect(arrived).toEqual([[job]]);
});

test("its waits double while it fails, and begin anew after a success", async () => {
  const { times } = await loop([failed, failed, failed, [], failed, []]);
  const waits = times.slice(1).map((time, at) => time - (times[at] ?? 0));
  // Of 100, 200 and 400 ms each is cut by half at most; then 100 ms again, where it would be 400 ms at least.
  expect(waits[2]).toBeGreaterThanOrEqual(200);
  expect(waits[4]).toBeLessThan(390);
});

test("it ends when the connection is closed", async () => {
  const { requests, log } = await loop([new WaybillError("BACKEND_CLOSED", "closed"), [job]]);
  expect([requests.length, log]).toEqual([1, ["+q"]]);
});

test("a queue that is refused at the first call ends it; after a first success it goes on", async () => {
  const wrong = new WaybillError("CONFIG_INVALID", "no such user");
  const first = await loop([wrong, [job]]);
  expect([first.refused, first.requests.length]).toEqual([[wrong], 1]);
  const later = await loop([[], wrong, [job]]);
  expect([later.refused, later.requests.length, later.arrived]).toEqual([[], 3, [[job]]]);
});

test("a response that may be older than a third of the lease is confirmed: jobs whose lease is lost do not arrive", async () => {
  const jobs = [job, { ...lease, id: "2" }];
  const { log, arrived } = await loop([jobs, []], { ageMs: LEASE_MS / 2, extended: [false, true] });
  expect(log).toContain(`extend 2 ${LEASE_MS}`);
  expect(arrived).toEqual([[{ ...lease, id: "2", expiresAt: 77 }]]);
});

test("a response that is younger is not, nor one without jobs", async () => {
  const { log, arrived } = await loop([[job]], { ageMs: LEASE_MS / 4 });
  expect([arrived, log]).toEqual([[[job]], ["+q", "-q"]]);
  expect((await loop([[]], { ageMs: LEASE_MS })).log).toEqual(["+q", "-q"]);
});

test("of a paused queue it leases nothing and leaves the share to others, until the queue is resumed", async () => {
  const { control, set } = pauseOf();
  set(true);
  const log: string[] = [];
  const ended = loop([[job]], { control, log });
  await sleep(20);
  expect(log).toEqual(["+q"]);
  set(false);
  expect((await ended).arrived).toEqual([[job]]);
  expect(log).toEqual(["+q", "-q", "+q", "-q"]);
});

test("a queue that is paused while it waits for a free slot is not leased from before it is resumed", async () => {
  const { control, set } = pauseOf();
  const log: string[] = [];
  let waits = 0;
  const beforeLimit = (): void => {
    waits += 1;
    if (waits > 1) return;
    set(true);
    setTimeout(() => {
      log.push("resumed");
      set(false);
    }, 20);
  };
  const { arrived } = await loop([[job]], { control, log, beforeLimit });
  expect(log).toEqual(["+q", "resumed", "-q", "+q", "-q"]);
  expect(arrived).toEqual([[job]]);
});
