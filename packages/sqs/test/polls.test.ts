import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startFaultProxy } from "./fault-proxy.ts";
import { credentials, freshPrefix, lease, message, open, useEmulator } from "./fixture.ts";

const emulator = useEmulator();

test("a poll is never aborted: a message that arrives after the abort is released long before its lease would end", async () => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix, pollSeconds: 2 });
  const stop = new AbortController();
  const waiting = lease(backend, { waitMs: 20_000, signal: stop.signal, leaseMs: 60_000 });
  await sleep(300);
  const aborted = performance.now();
  stop.abort();
  expect(await waiting).toEqual([]);
  expect(performance.now() - aborted).toBeLessThan(1_500);
  // The poll is still open at SQS, and receives this message.
  const sent = message();
  await backend.enqueue([sent]);
  await sleep(300);
  const other = await open(emulator.endpoint, { prefix });
  expect(await lease(other, { waitMs: 3_000 })).toMatchObject([{ id: sent.id, attempt: 1, lost: 0, releases: 0 }]);
});

test("close waits for the last poll and releases its messages, so that none stays hidden", async () => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix, pollSeconds: 2 });
  const other = await open(emulator.endpoint, { prefix });
  const waiting = lease(backend, { waitMs: 20_000, leaseMs: 60_000 });
  await sleep(300);
  const closing = backend.close();
  expect(await waiting).toEqual([]);
  const sent = message();
  await other.enqueue([sent]);
  const before = performance.now();
  await closing;
  expect(performance.now() - before).toBeLessThan(2_500);
  expect(await lease(other, { waitMs: 3_000 })).toMatchObject([{ id: sent.id, lost: 0 }]);
});

test("polls are no longer than `pollSeconds`", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  const backend = await open(proxy.url, { credentials, pollSeconds: 1, queues: ["default"] });
  expect(await lease(backend, { waitMs: 2_500 })).toEqual([]);
  const waits = proxy.calls
    .filter(({ action }) => action === "ReceiveMessage")
    .map(({ input }) => input["WaitTimeSeconds"]);
  expect(waits.length).toBeGreaterThanOrEqual(3);
  expect(waits.every((seconds) => seconds === 1)).toBe(true);
  await backend.close();
  await proxy.close();
});

test("a queue with many messages is read by parallel requests of 10 messages", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  const backend = await open(proxy.url, { credentials });
  for (let batch = 0; batch < 4; batch += 1) await backend.enqueue(Array.from({ length: 50 }, () => message()));
  const found = new Set<string>();
  for (const { id } of await lease(backend, { limit: 50, waitMs: 2_000 })) found.add(id);
  expect(found.size).toBe(50);
  while (found.size < 200) for (const { id } of await lease(backend, { limit: 50, waitMs: 2_000 })) found.add(id);
  expect(proxy.calls.filter(({ action }) => action === "ReceiveMessage").length).toBeLessThanOrEqual(21);
  await backend.close();
  await proxy.close();
});

test("R19, R25: an ack after the lease has ended is LEASE_LOST, although SQS accepts the old handle", async () => {
  const backend = await open(emulator.endpoint);
  await backend.enqueue([message()]);
  const [late] = await lease(backend, { waitMs: 2_000, leaseMs: 500 });
  await sleep(600);
  if (late === undefined) throw new Error("nothing was leased");
  const [result] = await backend.ack([late]);
  expect(result).toMatchObject({ ok: false, error: { code: "LEASE_LOST" } });
  expect(await lease(backend, { waitMs: 4_000 })).toMatchObject([{ id: late.id, lost: 1 }]);
});

test("an abort ends a waiting lease call although SQS does not respond", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  const backend = await open(proxy.url, { credentials });
  let respond = (): void => undefined;
  const silent = new Promise<null>((resolve) => (respond = () => resolve(null)));
  proxy.before = () => silent;
  const stop = new AbortController();
  const waiting = lease(backend, { queue: "never.seen", waitMs: 20_000, signal: stop.signal });
  await sleep(200);
  const before = performance.now();
  stop.abort();
  expect(await waiting).toEqual([]);
  expect(performance.now() - before).toBeLessThan(5_000);
  respond();
  await backend.close();
  await proxy.close();
});
