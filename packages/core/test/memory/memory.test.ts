import { getEventListeners } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import type { Message } from "../../src/backend/contract.ts";
import { memoryBackend } from "../../src/memory/index.ts";

afterEach(() => vi.unstubAllEnvs());

const message = (id: string, more: Partial<Message> = {}): Message => ({
  id,
  type: "test.case",
  queue: "default",
  delayMs: 0,
  priority: 0,
  tenant: null,
  signature: null,
  body: `{"id":"${id}"}`,
  ...more,
});

const ask = (more: { leaseMs?: number; waitMs?: number; limit?: number; signal?: AbortSignal } = {}) => ({
  queue: "default",
  limit: 10,
  leaseMs: 1_000,
  waitMs: 0,
  signal: new AbortController().signal,
  ...more,
});

test("logs know it by its own address, or by the one it was given", async () => {
  expect((await memoryBackend()()).address).toBe("memory:");
  expect((await memoryBackend({ address: "memory:mailers" })()).address).toBe("memory:mailers");
});

test("R48: the memory backend refuses production and names the two remedies", () => {
  vi.stubEnv("NODE_ENV", "production");
  expect(() => memoryBackend()).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(/sqlite:.*allowVolatile/) }),
  );
});

test("R48: with allowVolatile the memory backend starts in production", async () => {
  vi.stubEnv("NODE_ENV", "production");
  const backend = await memoryBackend({ allowVolatile: true })();
  expect(await backend.enqueue([message("a")])).toEqual([{ ok: true, value: { id: "a", stored: true } }]);
  await backend.close();
});

test("two opens of one memory backend see the same jobs, and two memory backends do not", async () => {
  const open = memoryBackend();
  const [one, two, other] = [await open(), await open(), await memoryBackend()()];
  await one.enqueue([message("a")]);
  expect(await other.lease(ask())).toHaveLength(0);
  expect(await two.lease(ask())).toHaveLength(1);
});

test("a closed connection leaves its jobs to the others", async () => {
  const open = memoryBackend();
  const one = await open();
  await one.enqueue([message("a")]);
  await one.close();
  expect(await (await open()).lease(ask())).toHaveLength(1);
});

test("the clock set back an hour strands neither a delayed job nor a leased one", async () => {
  const backend = await memoryBackend()();
  await backend.enqueue([message("leased"), message("delayed", { delayMs: 30 })]);
  const [leased] = await backend.lease(ask({ leaseMs: 30 }));
  expect(leased).toMatchObject({ id: "leased" });
  const clock = vi.spyOn(Date, "now").mockImplementation(() => 1_000);
  try {
    const first = await backend.lease(ask({ waitMs: 2_000, limit: 1 }));
    const second = await backend.lease(ask({ waitMs: 2_000, limit: 1 }));
    expect([...first, ...second].map((lease) => lease.id).sort()).toEqual(["delayed", "leased"]);
    for (const lease of [...first, ...second]) expect(lease.dueAt ?? 0).toBeLessThanOrEqual(Date.now());
  } finally {
    clock.mockRestore();
  }
});

test("a lease call that waited leaves no timer and no listener behind, however it ended", async () => {
  const backend = await memoryBackend()();
  const { signal } = new AbortController();
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  await backend.enqueue([message("later", { delayMs: 60_000 })]);
  const served = backend.lease(ask({ waitMs: 60_000, signal }));
  expect(timers()).toBeGreaterThan(before);
  await backend.enqueue([message("now")]);
  expect(await served).toHaveLength(1);
  expect(await backend.lease(ask({ waitMs: 5, signal }))).toHaveLength(0);
  // The test runner may have ended one of its own meanwhile.
  expect(timers()).toBeLessThanOrEqual(before);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("kept to smaller limits, it refuses what goes beyond them in one call and stores the rest", async () => {
  const few = await memoryBackend({ capabilities: { maxBatch: 2 } })();
  expect((await few.enqueue(["a", "b", "c"].map((id) => message(id)))).map(({ ok }) => ok)).toEqual([
    true,
    true,
    false,
  ]);
  const small = await memoryBackend({ capabilities: { maxBatchBytes: 25 } })();
  const [first, second] = await small.enqueue([message("a"), message("b"), message("c")]);
  expect(first?.ok).toBe(true);
  expect(second?.ok).toBe(true);
  expect((await small.lease(ask())).map((lease) => lease.id)).toEqual(["a", "b"]);
});

test("a job that is done is forgotten, id and all", async () => {
  const backend = await memoryBackend()();
  await backend.enqueue([message("a")]);
  await backend.ack(await backend.lease(ask()));
  expect(await backend.inspector.counts()).toEqual([]);
  expect(await backend.enqueue([message("a")])).toEqual([{ ok: true, value: { id: "a", stored: true } }]);
});
