import { afterEach, expect, test, vi } from "vitest";
import { freshSchema, lease, message, open, sql, testPool } from "../database.ts";

afterEach(() => vi.restoreAllMocks());

test("leases and delays use the server's clock only: a process whose clock is an hour off changes nothing", async () => {
  const schema = freshSchema();
  const right = await open({ schema });
  await right.enqueue([message({ id: "leased" }), message({ id: "delayed", delayMs: 5_000 })]);
  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() - 3_600_000);
  const wrong = await open({ schema });
  const [oneLease] = await lease(wrong, { leaseMs: 30_000 });
  expect(oneLease).toMatchObject({ id: "leased" });
  expect(oneLease?.expiresAt ?? 0).toBeLessThanOrEqual(Date.now() + 30_000);
  expect(await lease(right)).toEqual([]);
  const [due] = await lease(wrong, { waitMs: 15_000 });
  expect(due).toMatchObject({ id: "delayed", lost: 0 });
  expect(due?.dueAt ?? Infinity).toBeLessThanOrEqual(Date.now());
});

test("an enqueued job wakes a worker of another process within milliseconds, not at its next look", async () => {
  const schema = freshSchema();
  const [producer, worker] = [await open({ schema }), await open({ schema })];
  const waits: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    const waiting = lease(worker, { waitMs: 5_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = performance.now();
    await producer.enqueue([message()]);
    await worker.ack(await waiting);
    waits.push(performance.now() - before);
  }
  expect(waits.toSorted((a, b) => a - b)[5]).toBeLessThan(200);
});

test("a write waits for as long as all connections of its process are in use, and is not refused", async () => {
  const schema = freshSchema();
  const backend = await open({ schema, connections: 2 });
  const blocker = await (await testPool()).connect();
  try {
    await blocker.query(`BEGIN; LOCK TABLE "${schema}".jobs IN ACCESS EXCLUSIVE MODE`);
    // One connection: the second write waits behind the first, longer than a new connection may take to open.
    const writes = Promise.all([backend.enqueue([message()]), backend.enqueue([message()])]);
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    await blocker.query("COMMIT");
    expect(await writes).toMatchObject([[{ ok: true }], [{ ok: true }]]);
  } finally {
    blocker.release();
  }
});

test("positions in line beyond 32 bits work like any other", async () => {
  const schema = freshSchema();
  const backend = await open({ schema });
  await sql(`SELECT setval('"${schema}".job_seq', 5000000000)`);
  await sql(`ALTER TABLE "${schema}".finished ALTER COLUMN number RESTART WITH 5000000000`);
  await sql(`ALTER TABLE "${schema}".dead ALTER COLUMN number RESTART WITH 5000000000`);
  await backend.enqueue([message({ id: "a" }), message({ id: "b" })]);
  const oneLease = await lease(backend);
  expect(oneLease.map(({ id }) => id)).toEqual(["a", "b"]);
  const [a, b] = oneLease;
  if (a === undefined || b === undefined) throw new Error("two jobs were stored");
  expect(await backend.ack([a])).toMatchObject([{ ok: true }]);
  await backend.deadLetter(b, { code: "TEST", message: "one" });
  expect(await backend.inspector.replay({ ids: ["b"] })).toBe(1);
  expect(await lease(backend)).toMatchObject([{ id: "b" }]);
});

test("two producers with the same ids in opposite orders never deadlock", async () => {
  const schema = freshSchema();
  const backends = [await open({ schema }), await open({ schema })];
  const messages = Array.from({ length: 400 }, (_, index) => message({ id: `job-${String(index).padStart(3, "0")}` }));
  const results = await Promise.all([
    backends[0]?.enqueue(messages) ?? [],
    backends[1]?.enqueue(messages.toReversed()) ?? [],
  ]);
  const stored = results.flat().filter((result) => result.ok && result.value.stored);
  expect(stored).toHaveLength(400);
});

test("a lease does not scan the ready jobs: of 20,000 it reads a few", async () => {
  const schema = freshSchema();
  const backend = await open({ schema });
  for (let batch = 0; batch < 20; batch += 1) {
    await backend.enqueue(Array.from({ length: 1_000 }, () => message()));
  }
  const touched = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const [row] = await sql(
      "SELECT idx_tup_read AS read FROM pg_stat_user_indexes WHERE schemaname = $1 AND indexrelname = 'jobs_ready'",
      [schema],
    );
    return Number(row?.["read"]);
  };
  const before = await touched();
  expect(await lease(backend, { limit: 10 })).toHaveLength(10);
  await backend.close();
  expect((await touched()) - before).toBeLessThan(100);
});
