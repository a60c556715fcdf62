import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, Lease } from "@waybill/core/backend";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { credentials, freshPrefix, lease, message, open, useEmulator } from "./fixture.ts";

// A call that never settles fails its test soon.
vi.setConfig({ testTimeout: 10_000 });

const emulator = useEmulator();
let proxy: FaultProxy;
let backend: Backend;

beforeEach(async () => {
  proxy = await startFaultProxy(emulator.endpoint);
  backend = await open(proxy.url, { credentials });
});

afterEach(async () => {
  await backend.close();
  await proxy.close();
});

async function leaseOf(count: number, leaseMs = 60_000): Promise<Lease[]> {
  await backend.enqueue(Array.from({ length: count }, () => message()));
  const found: Lease[] = [];
  while (found.length < count) {
    found.push(...(await lease(backend, { limit: count - found.length, leaseMs, waitMs: 2_000 })));
  }
  proxy.calls.length = 0;
  return found;
}

const retry = (one: Lease): Promise<void> => backend.retry(one, { delayMs: 0, countsAttempt: true });
const deadLetter = (one: Lease): Promise<void> => backend.deadLetter(one, { code: "TEST", message: "" });
const settlesSent = (): string[] => proxy.calls.map(({ action }) => action).filter((one) => one.endsWith("Batch"));
const isLost = { code: "LEASE_LOST" };
const lostResult = { ok: false, error: isLost };

/** Refuses every call of the action, until the next call of this function. */
function refuse(action: string | null): void {
  proxy.before = (call) =>
    call.action === action ? { status: 400, body: { __type: "AccessDenied", message: "by the proxy" } } : null;
}

test("a retry or dead letter whose copy is not stored rejects and removes nothing, and the lease stays valid", async () => {
  const [leased] = (await leaseOf(1)) as [Lease];
  refuse("SendMessageBatch");
  await expect(retry(leased)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  await expect(deadLetter(leased)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  expect(settlesSent()).not.toContain("DeleteMessageBatch");
  refuse(null);
  await retry(leased);
  expect(await lease(backend, { waitMs: 2_000 })).toMatchObject([{ id: leased.id, attempt: 2 }]);
});

test("a request that fails as a whole is the result of each of its jobs, and they can be acked again", async () => {
  const leases = await leaseOf(2);
  refuse("DeleteMessageBatch");
  const unavailable = { ok: false, error: { code: "BACKEND_UNAVAILABLE" } };
  expect(await backend.ack(leases)).toMatchObject([unavailable, unavailable]);
  refuse(null);
  expect(await backend.ack(leases)).toMatchObject([{ ok: true }, { ok: true }]);
});

test("after the end of a lease every settle is LEASE_LOST and sends nothing, although SQS still hides the message", async () => {
  const [leased] = (await leaseOf(1, 500)) as [Lease];
  await sleep(550);
  expect(await backend.ack([leased])).toMatchObject([lostResult]);
  expect(await backend.extend([leased], 5_000)).toMatchObject([lostResult]);
  await expect(retry(leased)).rejects.toMatchObject(isLost);
  await expect(deadLetter(leased)).rejects.toMatchObject(isLost);
  expect(settlesSent()).toEqual([]);
});

test("a lease that ends between the call and its request is LEASE_LOST, and nothing is sent", async () => {
  const [first, second] = (await leaseOf(2, 500)) as [Lease, Lease];
  const settles = Promise.allSettled([backend.ack([first]), retry(second)]);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  // Blocks the event loop, so that the requests are made after it.
  for (const until = performance.now() + 600; performance.now() < until;);
  expect(await settles).toMatchObject([{ value: [lostResult] }, { reason: isLost }]);
  expect(settlesSent()).toEqual([]);
});

test("a settle that SQS confirms after the message may have been delivered again is LEASE_LOST", async () => {
  const [acked, extended, retried] = (await leaseOf(3, 500)) as [Lease, Lease, Lease];
  // SQS hides them for 2 s.
  proxy.before = () => sleep(2_100, null);
  const settles = [backend.ack([acked]), backend.extend([extended], 500)];
  await expect(Promise.all(settles)).resolves.toMatchObject([[lostResult], [lostResult]]);
  expect(await backend.ack([acked])).toMatchObject([lostResult]);
  proxy.before = () => null;
  await expect(retry(retried)).rejects.toMatchObject(isLost);
});

test("a message whose copy is stored is removed even after the end of the lease", async () => {
  const [leased] = (await leaseOf(1, 500)) as [Lease];
  refuse("DeleteMessageBatch");
  await expect(retry(leased)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  await sleep(550);
  refuse(null);
  await retry(leased);
  expect(settlesSent()).toEqual(["SendMessageBatch", "DeleteMessageBatch", "DeleteMessageBatch"]);
});

test("a retry succeeds once its copy is stored, although SQS no longer knows the receipt handle, and ends the lease", async () => {
  const [leased] = (await leaseOf(1)) as [Lease];
  const failed = { Id: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true };
  proxy.before = ({ action }) =>
    action === "DeleteMessageBatch" ? { status: 200, body: { Successful: [], Failed: [failed] } } : null;
  await retry(leased);
  await expect(retry(leased)).rejects.toMatchObject(isLost);
  expect(settlesSent()).toEqual(["SendMessageBatch", "DeleteMessageBatch"]);
});

test("a release whose removal reaches SQS after the lease leaves the job there twice: each is leased and settled by itself", async () => {
  const options = { credentials, prefix: freshPrefix() };
  const [worker, other] = [await open(proxy.url, options), await open(emulator.endpoint, options)];
  const job = message();
  await worker.enqueue([job]);
  const [leased] = (await lease(worker, { leaseMs: 1_000, waitMs: 2_000 })) as [Lease];
  const hold = Promise.withResolvers<null>();
  proxy.before = ({ action }) => (action === "DeleteMessageBatch" ? hold.promise : null);
  const released = worker.retry(leased, { delayMs: 0, countsAttempt: false });

  const found: Lease[] = [];
  while (found.length < 2) found.push(...(await lease(other, { limit: 2, leaseMs: 60_000, waitMs: 1_000 })));
  expect(found).toMatchObject([
    { id: job.id, attempt: 1, releases: 1, lost: 0 },
    { id: job.id, attempt: 1, releases: 0, lost: 1 },
  ]);
  hold.resolve(null);
  await released;
  expect(await other.ack(found)).toEqual(found.map(() => ({ ok: true, value: null })));
});

test("a lease whose request took long ends when SQS stops hiding its message, not later", async () => {
  await backend.enqueue([message()]);
  proxy.before = () => sleep(1_800, null);
  const askedAt = Date.now();
  const [leased] = await lease(backend, { leaseMs: 500 });
  // SQS hides it for 2 s from the request on. A lease from the response on would end 300 ms later.
  expect((leased?.expiresAt ?? Infinity) - askedAt).toBeLessThan(2_150);
});
