import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sqsBackend } from "../src/index.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { credentials, freshPrefix, lease, message, open, region, useEmulator } from "./fixture.ts";

const emulator = useEmulator();
let proxy: FaultProxy;

beforeEach(async () => {
  proxy = await startFaultProxy(emulator.endpoint);
});
afterEach(() => proxy.close());

const backendOf = (options = {}) =>
  sqsBackend({ region, endpoint: proxy.url, credentials, prefix: freshPrefix(), pollSeconds: 1, ...options });

test("R25: when a standard queue delivers twice and in any order, no id runs twice at once and none is lost", async () => {
  // Every message is delivered twice, with the same handle, in reverse order.
  proxy.after = (call, output) => {
    const { Messages } = output as { readonly Messages?: object[] };
    if (call.action !== "ReceiveMessage" || Messages === undefined) return output;
    return { ...output, Messages: [...Messages, ...Messages].toReversed() };
  };
  const running = new Set<string>();
  const done = new Set<string>();
  let twiceAtOnce = 0;
  const job = defineJob({
    type: "test.twice",
    async handler(_, { id }) {
      if (running.has(id)) twiceAtOnce += 1;
      running.add(id);
      await sleep(20);
      running.delete(id);
      done.add(id);
    },
  });
  const jobs = await connect(backendOf(), { log: "off" });
  const ids = await Promise.all(Array.from({ length: 12 }, async () => (await jobs.enqueue(job, {})).id));
  await jobs.worker({ jobs: [job] }).start();
  await expect.poll(() => ids.filter((id) => !done.has(id)), { timeout: 10_000 }).toEqual([]);
  expect(twiceAtOnce).toBe(0);
  await jobs.close();
});

test("R19, R25: when SQS ends a lease, its handler is aborted with LEASE_LOST and not counted as completed", async () => {
  const reasons: unknown[] = [];
  const job = defineJob({
    type: "test.long",
    async handler(_, { signal }) {
      await sleep(20_000, undefined, { signal }).catch(() => reasons.push((signal.reason as { code?: string }).code));
    },
  });
  const jobs = await connect(backendOf(), { log: "off" });
  const lost: string[] = [];
  jobs.events.on("lease_lost", ({ id }) => void lost.push(id));
  const worker = jobs.worker({ jobs: [job], lease: "3s" });
  await worker.start();
  const { id } = await jobs.enqueue(job, {});
  proxy.before = ({ action, input }) => {
    if (action !== "ChangeMessageVisibilityBatch") return null;
    const Failed = input.Entries?.map(({ Id }) => ({ Id, Code: "ReceiptHandleIsInvalid", SenderFault: true }));
    return { status: 200, body: { Successful: [], Failed } };
  };
  await expect.poll(() => reasons, { timeout: 10_000 }).toEqual(["LEASE_LOST"]);
  await expect.poll(() => lost).toEqual([id]);
  expect((await worker.stop()).completed).toBe(0);
  await jobs.close();
});

test("R19: bodies are checked by MD5, unless md5 is false", async () => {
  proxy.after = (call, output) => {
    const { Messages } = output as { readonly Messages?: object[] };
    if (call.action !== "ReceiveMessage" || Messages === undefined) return output;
    return { ...output, Messages: Messages.map((one) => ({ ...one, MD5OfBody: "0".repeat(32) })) };
  };
  const strict = await open(proxy.url, { credentials });
  await strict.enqueue([message()]);
  await expect(lease(strict, { waitMs: 2_000 })).rejects.toThrow("MD5");
  const unchecked = await open(proxy.url, { credentials, md5: false });
  const sent = message();
  await unchecked.enqueue([sent]);
  expect(await lease(unchecked, { waitMs: 2_000 })).toMatchObject([{ id: sent.id }]);
  await strict.close();
  await unchecked.close();
});

test("R25: throttled receives do not stop a worker", async () => {
  const ran: string[] = [];
  const job = defineJob({ type: "test.quick", handler: (_, { id }) => void ran.push(id) });
  const jobs = await connect(backendOf(), { log: "off" });
  let throttled = 0;
  proxy.before = ({ action }) => {
    if (action !== "ReceiveMessage" || throttled >= 6) return null;
    throttled += 1;
    return { status: 400, body: { __type: "com.amazonaws.sqs#RequestThrottled", message: "slow down" } };
  };
  await jobs.worker({ jobs: [job] }).start();
  const { id } = await jobs.enqueue(job, {});
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual([id]);
  expect(throttled).toBe(6);
  await jobs.close();
});
