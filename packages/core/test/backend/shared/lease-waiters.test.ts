import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import type { Lease, LeaseRequest } from "../../../src/backend/contract.ts";
import { createLeaseWaiters } from "../../../src/backend/shared/lease-waiters.ts";

const never = new AbortController().signal;
const request = (given: Partial<LeaseRequest> = {}): LeaseRequest => ({
  queue: "default",
  limit: 1,
  leaseMs: 1_000,
  waitMs: 60_000,
  signal: never,
  ...given,
});
const lease = (id: string): Lease => ({ id }) as Lease;

test("a call resolves to what it is given, and is given nothing more", async () => {
  const waiters = createLeaseWaiters();
  const waiter = waiters.wait(request());
  expect([waiters.size, waiter.isWaiting]).toEqual([1, true]);
  expect(waiter.resolve([lease("a")])).toBe(true);
  expect(waiter.resolve([lease("b")])).toBe(false);
  expect(waiter.reject(new Error("late"))).toBe(false);
  await expect(waiter.leases).resolves.toEqual([{ id: "a" }]);
  expect([waiters.size, waiter.isWaiting]).toEqual([0, false]);
});

test("a call resolves to none after waitMs, and one without a timer waits on", async () => {
  const waiters = createLeaseWaiters();
  const timed = waiters.wait(request({ waitMs: 20 }));
  const [untimed, looksOnce] = [waiters.add(request({ waitMs: 20 })), waiters.wait(request({ waitMs: 0 }))];
  const started = performance.now();
  await expect(timed.leases).resolves.toEqual([]);
  expect(performance.now() - started).toBeGreaterThanOrEqual(19);
  await vi.waitFor(() => expect(untimed.remainingMs()).toBeLessThanOrEqual(0));
  expect([untimed.isWaiting, looksOnce.isWaiting]).toEqual([true, true]);
});

test("an abort resolves a call to none, also one that came before the call", async () => {
  const waiters = createLeaseWaiters();
  const abort = new AbortController();
  const waiter = waiters.add(request({ signal: abort.signal }));
  abort.abort();
  await expect(waiter.leases).resolves.toEqual([]);
  await expect(waiters.wait(request({ signal: abort.signal })).leases).resolves.toEqual([]);
  expect(waiters.size).toBe(0);
});

test("a call that has ended leaves no timer and no listener behind", async () => {
  const { signal } = new AbortController();
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const waiters = createLeaseWaiters();
  const calls = [1, 2, 3].map(() => waiters.wait(request({ signal })));
  expect([timers() - before, getEventListeners(signal, "abort").length]).toEqual([3, 3]);
  calls[0]?.resolve([]);
  calls[1]?.reject(new Error("the server is away"));
  waiters.dismiss();
  await expect(Promise.allSettled(calls.map(({ leases }) => leases))).resolves.toMatchObject([
    { status: "fulfilled" },
    { status: "rejected" },
    { status: "fulfilled" },
  ]);
  expect([timers() - before, getEventListeners(signal, "abort").length]).toEqual([0, 0]);
});

test("calls are served in their order, each up to its limit, until there is no more", async () => {
  const waiters = createLeaseWaiters();
  const calls = [2, 2, 1].map((limit) => waiters.wait(request({ limit })));
  const ready = ["a", "b", "c"].map(lease);
  expect(waiters.wanted()).toBe(5);
  waiters.serve(({ limit }) => ready.splice(0, limit));
  await expect(calls[0]?.leases).resolves.toEqual([{ id: "a" }, { id: "b" }]);
  await expect(calls[1]?.leases).resolves.toEqual([{ id: "c" }]);
  expect([calls[2]?.isWaiting, waiters.wanted()]).toEqual([true, 1]);
});

test("an error ends every call, and each end is announced once", async () => {
  const ended: string[] = [];
  const waiters = createLeaseWaiters(({ queue }) => ended.push(`${queue}, ${waiters.size} left`));
  const calls = ["a", "b"].map((queue) => waiters.wait(request({ queue })));
  waiters.reject(new Error("the server is away"));
  waiters.dismiss();
  await Promise.all(calls.map(({ leases }) => expect(leases).rejects.toThrow("the server is away")));
  expect(ended).toEqual(["a, 1 left", "b, 0 left"]);
});
