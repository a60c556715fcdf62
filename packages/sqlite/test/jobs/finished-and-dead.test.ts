import { DatabaseSync } from "node:sqlite";
import type { InspectableBackend } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

async function finish(backend: InspectableBackend, count: number, queue = "default"): Promise<void> {
  await backend.enqueue(Array.from({ length: count }, () => message({ queue })));
  const results = await backend.ack(await lease(backend, { queue, limit: count }));
  expect(results.filter(({ ok }) => ok)).toHaveLength(count);
}

const finishedIn = async (backend: InspectableBackend): Promise<Record<string, number>> =>
  Object.fromEntries((await backend.inspector.counts()).map(({ queue, finished }) => [queue, finished]));

describe("finished jobs", () => {
  test("are remembered per queue, by id, type and attempt", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue([message({ id: "one", type: "a.b" }), message({ id: "two", queue: "other" })]);
    await backend.ack([...(await lease(backend)), ...(await lease(backend, { queue: "other" }))]);
    expect(await finishedIn(backend)).toEqual({ default: 1, other: 1 });
    const db = new DatabaseSync(path, { readOnly: true });
    const rows = db.prepare("SELECT queue, count, jobs FROM waybill_finished ORDER BY upto").all();
    db.close();
    expect(rows).toEqual([
      { queue: "default", count: 1, jobs: '[["one","a.b",1]]' },
      { queue: "other", count: 1, jobs: '[["two","test.job",1]]' },
    ]);
  });

  test("are removed beyond the count, oldest first", async () => {
    const backend = await open({ path: temporaryFile(), retainFinished: { maxCount: 20 } });
    for (let round = 0; round < 10; round += 1) await finish(backend, 5);
    expect(await finishedIn(backend)).toEqual({ default: 20 });
  });

  test("are removed beyond the age, also when no other job finishes", async () => {
    const backend = await open({ path: temporaryFile(), retainFinished: { maxAgeMs: 200 } });
    await finish(backend, 5);
    expect(await finishedIn(backend)).toEqual({ default: 5 });
    await lease(backend, { waitMs: 1_200 });
    expect(await finishedIn(backend)).toEqual({});
  });

  test.each([{ maxCount: 0 }, { maxAgeMs: 0 }])("are not kept at all with %o", async (retainFinished) => {
    const path = temporaryFile();
    const before = await open({ path });
    await finish(before, 5);
    await before.close();
    const backend = await open({ path, retainFinished });
    await finish(backend, 5);
    await lease(backend, { waitMs: 100 });
    expect(await finishedIn(backend)).toEqual({});
  });

  test("leave their id free: enqueueing it again makes a new job", async () => {
    const backend = await open({ path: temporaryFile() });
    const again = message({ id: "again" });
    await backend.enqueue([again]);
    await backend.ack(await lease(backend));
    expect(await backend.enqueue([again])).toEqual([{ ok: true, value: { id: "again", stored: true } }]);
    expect(await lease(backend)).toMatchObject([{ id: "again", attempt: 1, lost: 0, releases: 0 }]);
  });
});

describe("a dead letter", () => {
  const reason = { code: "TEST", message: "said so" };

  test("keeps its id taken: the same bytes are not stored again, other bytes are a conflict", async () => {
    const backend = await open({ path: temporaryFile() });
    const job = message({ id: "dead" });
    await backend.enqueue([job]);
    const [oneLease] = await lease(backend);
    if (!oneLease) throw new Error("a lease expected");
    await backend.deadLetter(oneLease, reason);
    expect(await backend.enqueue([job])).toEqual([{ ok: true, value: { id: "dead", stored: false } }]);
    expect(await backend.enqueue([{ ...job, body: "{}" }])).toMatchObject([
      { ok: false, error: { code: "ID_CONFLICT" } },
    ]);
  });

  test("replayed among 1,200 others is leased in the order in which they died", async () => {
    const backend = await open({ path: temporaryFile() });
    const ids = Array.from({ length: 1_200 }, (_, n) => `d-${n}`);
    await backend.enqueue(ids.slice(0, 1_000).map((id) => message({ id })));
    await backend.enqueue(ids.slice(1_000).map((id) => message({ id })));
    const leases = await lease(backend, { limit: 1_200 });
    await Promise.all(leases.map((oneLease) => backend.deadLetter(oneLease, reason)));
    expect(await backend.inspector.replay({ limit: Infinity })).toBe(1_200);
    expect((await lease(backend, { limit: 1_200 })).map(({ id }) => id)).toEqual(ids);
  });
});

describe("the line", () => {
  test("keeps the position of a job that is released at once, and puts a failed job at the end", async () => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue(["a", "b", "c"].map((id) => message({ id })));
    const [a, b] = await lease(backend, { limit: 2 });
    if (!a || !b) throw new Error("two leases expected");
    await backend.retry(a, { delayMs: 0, countsAttempt: true });
    await backend.retry(b, { delayMs: 0, countsAttempt: false });
    expect((await lease(backend, { limit: 3 })).map(({ id }) => id)).toEqual(["b", "c", "a"]);
  });

  test("puts a delayed job behind those that were ready before it, also when later ones are gone", async () => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue([message({ id: "first", delayMs: 30 })]);
    const filler = Array.from({ length: 10 }, () => message());
    await backend.enqueue(filler);
    await lease(backend, { queue: "unused", waitMs: 100 });
    await backend.ack(await lease(backend, { limit: 10 }));
    await backend.enqueue([message({ id: "second" })]);
    expect((await lease(backend, { limit: 2 })).map(({ id }) => id)).toEqual(["first", "second"]);
  });
});

test("counts include the oldest wait of a ready job, and delayed jobs that are due as ready", async () => {
  const backend = await open({ path: temporaryFile() });
  await backend.enqueue([message({ delayMs: 20 }), message({ delayMs: 60_000 }), message()]);
  await new Promise((resolve) => setTimeout(resolve, 60));
  const [counts] = await backend.inspector.counts();
  expect(counts).toMatchObject({ queue: "default", ready: 2, delayed: 1, leased: 0, dead: 0, finished: 0 });
  expect(counts?.oldestWaitMs).toBeGreaterThanOrEqual(59);
  expect(counts?.oldestWaitMs).toBeLessThan(5_000);
});

test("counts include the wait of a due job while no worker runs", async () => {
  const backend = await open({ path: temporaryFile() });
  await backend.enqueue([message({ delayMs: 10 })]);
  await new Promise((resolve) => setTimeout(resolve, 60));
  const [counts] = await backend.inspector.counts();
  expect(counts).toMatchObject({ ready: 1, delayed: 0 });
  expect(counts?.oldestWaitMs).toBeGreaterThanOrEqual(45);
});

test("a replayed job's wait begins with its replay", async () => {
  const backend = await open({ path: temporaryFile() });
  await backend.enqueue([message()]);
  const [oneLease] = await lease(backend);
  if (!oneLease) throw new Error("a lease expected");
  await backend.deadLetter(oneLease, { code: "TEST", message: "said so" });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const replayedAt = performance.now();
  await backend.inspector.replay();
  const [counts] = await backend.inspector.counts();
  expect(counts?.oldestWaitMs).toBeLessThanOrEqual(Math.ceil(performance.now() - replayedAt));
});

test("finished jobs of forty queues stay within their count", async () => {
  const backend = await open({ path: temporaryFile(), retainFinished: { maxAgeMs: 60_000, maxCount: 100 } });
  const queues = Array.from({ length: 40 }, (_, n) => `q-${n}`);
  for (let round = 0; round < 6; round++) {
    await backend.enqueue(queues.map((queue) => message({ queue })));
    const leases = await Promise.all(queues.map((queue) => lease(backend, { queue })));
    await backend.ack(leases.flat());
  }
  const counts = await backend.inspector.counts();
  expect(counts.reduce((sum, { finished }) => sum + finished, 0)).toBeLessThanOrEqual(100);
});
