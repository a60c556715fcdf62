import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Envelope, newId, WaybillError } from "../../src/index.ts";
import type { Backend, Capabilities, Lease } from "../../src/exports/backend.ts";
import { messageOf } from "../../src/backend/message.ts";
import type { Outgoing, SeamTracing, Settled } from "../../src/backend/producer-seam.ts";
import { createSeam, type Seam } from "../../src/backend/seam.ts";
import { openLike } from "../../src/testing/open-like.ts";
import { memoryBackend } from "../../src/memory/index.ts";

const DAY_MS = 86_400_000;

/** A seam on a memory store with these limits, and the calls that reached its backend. */
async function seamWith(
  capabilities: Partial<Capabilities> = {},
  tracing: SeamTracing | null = null,
  change: (backend: Backend) => Partial<Backend> = () => ({}),
): Promise<{ readonly seam: Seam; readonly calls: unknown[][] }> {
  const memory = await memoryBackend({ capabilities })();
  const backend: Backend = { ...memory, ...change(memory) };
  const calls: unknown[][] = [];
  const spied = Object.fromEntries(
    Object.entries(backend).map(([name, member]: [string, unknown]) => {
      if (typeof member !== "function") return [name, member];
      return [name, (...args: unknown[]) => (calls.push([name, ...args]), member(...args))];
    }),
  );
  const seam = createSeam(spied as unknown as Backend, { timeoutMs: 200, tracing });
  // Which parts the backend has is asked once, at the start.
  calls.length = 0;
  return { seam, calls };
}

function outgoing(more: Partial<Envelope> = {}, maxBodyBytes = Infinity): Outgoing {
  const envelope: Envelope = { spec: "waybill/1", id: newId(), type: "seam.test", args: [], ...more };
  const pack = (written: Envelope) => messageOf(written, JSON.stringify(written), null);
  return { envelope, pack, mayCarryTrace: false, maxBodyBytes };
}

async function leaseOne(seam: Seam): Promise<Lease> {
  const request = { queue: "default", limit: 1, leaseMs: 60_000, waitMs: 0, signal: new AbortController().signal };
  const [lease] = await seam.lease(request);
  if (lease === undefined) throw new Error("no job was leased");
  return lease;
}

async function enqueueAndLease(seam: Seam): Promise<Lease> {
  await seam.enqueue(outgoing());
  return leaseOne(seam);
}

test.each<[string, Partial<Capabilities>, Partial<Envelope>]>([
  ["priority", { priorityLevels: 1 }, { priority: 5 }],
  ["dedupe", { uniqueKeys: false }, { dedupe: { key: "one" } }],
  ["delay", { maxDelayMs: 0, maxRetryDelayMs: 0 }, { scheduled_at: new Date(Date.now() + DAY_MS).toISOString() }],
  ["bodyBytes", { maxBodyBytes: 100 }, { meta: { note: "x".repeat(100) } }],
])("a message whose %s the backend refuses does not reach it", async (kind, capabilities, more) => {
  const { seam, calls } = await seamWith(capabilities);
  const refusal = { code: "CAPABILITY_MISSING", message: expect.stringContaining(`(${kind})`) };
  await expect(seam.enqueue(outgoing(more))).rejects.toMatchObject(refusal);
  expect(calls).toEqual([]);
});

test("a delay longer than the backend's own is cut to it, and one in its limits is not", async () => {
  const { seam, calls } = await seamWith({ maxDelayMs: 1_000 });
  await seam.enqueue(outgoing({ scheduled_at: new Date(Date.now() + DAY_MS).toISOString() }));
  await seam.enqueue(outgoing({ scheduled_at: new Date(Date.now() + 500).toISOString() }));
  const delays = calls.map(([, messages]) => (messages as [{ delayMs: number }])[0].delayMs);
  expect(delays[0]).toBe(1_000);
  expect(delays[1]).toBeLessThanOrEqual(500);
});

test("the program's own limit is in bytes, not characters, and says what to do", async () => {
  const { seam } = await seamWith();
  const { length } = JSON.stringify(outgoing({ meta: { note: "" } }).envelope);
  await seam.enqueue(outgoing({ meta: { note: "" } }, length));
  await expect(seam.enqueue(outgoing({ meta: { note: "é" } }, length + 1))).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringContaining(`has ${length + 2} bytes: store the data elsewhere and enqueue a reference`),
  });
});

test("a message of a promise is checked as well", async () => {
  const { seam, calls } = await seamWith({ priorityLevels: 1 });
  const one = outgoing({ priority: 5 });
  const late: Outgoing = { ...one, pack: async (envelope) => one.pack(envelope) };
  await expect(seam.enqueue(late)).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  expect(calls).toEqual([]);
  const allowed = outgoing();
  expect(await seam.enqueue({ ...allowed, pack: async (envelope) => allowed.pack(envelope) })).toMatchObject({
    stored: true,
  });
});

test("acks of one turn share one call, each with its own result", async () => {
  const { seam, calls } = await seamWith();
  const leases = [await enqueueAndLease(seam), await enqueueAndLease(seam)];
  expect(await Promise.allSettled([...leases, leases[0]!].map((lease) => seam.ack(lease)))).toMatchObject([
    { status: "fulfilled" },
    { status: "fulfilled" },
    { status: "rejected", reason: { code: "LEASE_LOST" } },
  ]);
  expect(calls.filter(([name]) => name === "ack")).toHaveLength(1);
});

test("a retry or release waits at most as long as the backend can delay it", async () => {
  const { seam, calls } = await seamWith({ maxRetryDelayMs: 2_000 });
  await seam.retry(await enqueueAndLease(seam), { delayMs: DAY_MS, countsAttempt: true });
  await seam.retry(await enqueueAndLease(seam), { delayMs: 10, countsAttempt: false });
  expect(calls.filter(([name]) => name === "retry").map(([, , request]) => request)).toEqual([
    { delayMs: 2_000, countsAttempt: true },
    { delayMs: 10, countsAttempt: false },
  ]);
});

test("leases are extended in lists the backend can take, and a list that fails says so for each of its leases", async () => {
  let failing = false;
  const { seam, calls } = await seamWith({ maxBatch: 2 }, null, (memory) => ({
    extend: async (leases, leaseMs) => {
      if (failing && leases.length === 1) throw new TypeError("the driver broke");
      return memory.extend(leases, leaseMs);
    },
  }));
  const leases = [await enqueueAndLease(seam), await enqueueAndLease(seam), await enqueueAndLease(seam)];
  expect((await seam.extend(leases, 60_000)).map(({ ok }) => ok)).toEqual([true, true, true]);
  expect(calls.filter(([name]) => name === "extend").map(([, list]) => (list as Lease[]).length)).toEqual([2, 1]);
  failing = true;
  expect(await seam.extend(leases, 60_000)).toMatchObject([
    { ok: true },
    { ok: true },
    { ok: false, error: { code: "BACKEND_UNAVAILABLE" } },
  ]);
});

test.each(["retry", "deadLetter", "extend"] as const)(
  "a %s that never returns is ended by the time limit",
  async (verb) => {
    const never = () => new Promise<never>(() => {});
    const { seam } = await seamWith({}, null, () => ({ [verb]: never }));
    const lease = await enqueueAndLease(seam);
    const late = { code: "BACKEND_UNAVAILABLE" };
    if (verb === "extend") expect(await seam.extend([lease], 1)).toMatchObject([{ ok: false, error: late }]);
    else if (verb === "retry")
      await expect(seam.retry(lease, { delayMs: 0, countsAttempt: true })).rejects.toMatchObject(late);
    else await expect(seam.deadLetter(lease, { code: "X", message: "x" })).rejects.toMatchObject(late);
  },
);

test("each settle is timed and reported with its operation, and with its error", async () => {
  const settled: Settled[] = [];
  const tracing: SeamTracing = {
    send: async ({ envelope }, pack, store) => store(await pack(envelope)),
    settled: (one) => void settled.push(one),
  };
  const { seam } = await seamWith({}, tracing, (memory) => ({
    retry: async (lease, request) => {
      await sleep(20);
      return memory.retry(lease, request);
    },
  }));
  const lease = await enqueueAndLease(seam);
  await seam.retry(lease, { delayMs: 0, countsAttempt: true });
  await seam.retry(await leaseOne(seam), { delayMs: 0, countsAttempt: false });
  await seam.deadLetter(await leaseOne(seam), { code: "X", message: "x" });
  await seam.ack(await enqueueAndLease(seam));
  await expect(seam.ack(lease)).rejects.toMatchObject({ code: "LEASE_LOST" });
  expect(
    settled.map(({ operation, error }) => [operation, error === null ? null : (error as WaybillError).code]),
  ).toEqual([
    ["retry", null],
    ["release", null],
    ["dead_letter", null],
    ["ack", null],
    ["ack", "LEASE_LOST"],
  ]);
  expect(settled[0]).toMatchObject({ queue: "default" });
  expect(settled[0]!.durationMs).toBeGreaterThan(15);
});

test("within a transaction a job is stored and acked once that commits; elsewhere it is refused", async () => {
  const { backend, transactions } = openLike("postgres", () => undefined);
  const seam = createSeam(backend, { timeoutMs: 200, tracing: null });
  expect(seam.hasTransactions).toBe(true);
  const stored = await transactions.run(async (handle) => seam.enqueueIn(handle, outgoing()), {});
  expect(stored.stored).toBe(true);
  const lease = await leaseOne(seam);
  await transactions.run(async (handle) => seam.completeIn(handle, lease), {});
  await expect(seam.ack(lease)).rejects.toMatchObject({ code: "LEASE_LOST" });
  const { seam: without } = await seamWith();
  expect(without.hasTransactions).toBe(false);
  const missing = { code: "CAPABILITY_MISSING" };
  await expect(without.enqueueIn({}, outgoing())).rejects.toMatchObject(missing);
  await expect(without.completeIn({}, await enqueueAndLease(without))).rejects.toMatchObject(missing);
});

test("a backend whose enqueueIn returns nothing, or a failure, rejects with an error of ours", async () => {
  const failed = new WaybillError("ID_CONFLICT", "another body");
  let results: unknown[] = [];
  const { seam } = await seamWith(
    {},
    null,
    () => ({ enqueueIn: async () => results, completeIn: async () => {} }) as never,
  );
  await expect(seam.enqueueIn({}, outgoing())).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  results = [{ ok: false, error: failed }];
  await expect(seam.enqueueIn({}, outgoing())).rejects.toBe(failed);
});

test("an enqueue that is traced passes the tracing, with the limits checked within its span", async () => {
  const sent: string[] = [];
  const tracing: SeamTracing = {
    async send({ envelope }, pack, store) {
      sent.push(envelope.id);
      return store(await pack(envelope));
    },
    settled() {},
  };
  const { seam, calls } = await seamWith({ maxBodyBytes: 300 }, tracing);
  const small = outgoing();
  const large = outgoing({ meta: { note: "x".repeat(300) } });
  await seam.enqueue(small);
  await expect(seam.enqueue(large)).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  expect(sent).toEqual([small.envelope.id, large.envelope.id]);
  expect(calls.filter(([name]) => name === "enqueue")).toHaveLength(1);
});

test("an enqueue that was sent and did not return may be stored, and its error has the id", async () => {
  const { seam } = await seamWith({}, null, () => ({ enqueue: () => new Promise<never>(() => {}) }));
  const one = outgoing();
  await expect(seam.enqueue(one)).rejects.toMatchObject({ code: "ENQUEUE_UNKNOWN", id: one.envelope.id });
});

test("a backend without an inspector, a doctor or a worker registry has none behind the seam", async () => {
  const { inspector: _, workerRegistry: __, ...plain } = await memoryBackend()();
  const { inspector, doctor, workerRegistry } = createSeam(plain, { timeoutMs: 200, tracing: null });
  expect([inspector, doctor, workerRegistry]).toEqual([null, null, null]);
});

test("the seam is idle once the enqueues and the acks have returned", async () => {
  let end = (): void => {};
  const acked = new Promise<void>((resolve) => (end = resolve));
  const { seam } = await seamWith({}, null, (memory) => ({ ack: async (leases) => (await acked, memory.ack(leases)) }));
  const lease = await enqueueAndLease(seam);
  let idle = false;
  const acking = seam.ack(lease);
  const waiting = seam.whenIdle().then(() => (idle = true));
  await sleep(20);
  expect(idle).toBe(false);
  end();
  await Promise.all([acking, waiting]);
});

test("what a driver throws becomes an error of ours, with its cause", async () => {
  const cause = new TypeError("socket hang up");
  const broken = {
    lease: () => Promise.reject(cause),
    ack: () => Promise.reject(cause),
    close: () => Promise.reject(cause),
  };
  const { seam } = await seamWith({}, null, (memory) => ({ ...broken, lease: memory.lease }));
  const lease = await enqueueAndLease(seam);
  await expect(seam.ack(lease)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", cause });
  await expect(seam.close()).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", cause });
  const { seam: other } = await seamWith({}, null, () => broken);
  await expect(leaseOne(other)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", cause });
});
