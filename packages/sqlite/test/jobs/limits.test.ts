import { DatabaseSync } from "node:sqlite";
import type { LeaseRequest } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import type { SqliteBackend } from "../../src/backend.ts";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

const one: Partial<LeaseRequest> = { concurrency: { sync: 1 } };
const acme = { limitKeys: { sync: "acme" } };

const many = (count: number, part: Parameters<typeof message>[0]) =>
  Array.from({ length: count }, (_, n) => message({ id: `${part?.type ?? "job"}-${n}`, ...part }));

/** Rows of a table of the file. */
function rows(path: string, table: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  const row = db.prepare(`SELECT count(*) AS count FROM ${table}`).get();
  db.close();
  return Number(row?.["count"]);
}

async function idsOf(backend: SqliteBackend, request: Partial<LeaseRequest>): Promise<string[]> {
  return (await lease(backend, request)).map(({ id }) => id);
}

describe("a full key", () => {
  test("leaves no ready row, so that the next call does not look at its jobs again", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue(many(50, acme));
    expect(await idsOf(backend, { ...one, limit: 10 })).toEqual(["job-0"]);
    expect([rows(path, "waybill_ready"), rows(path, "waybill_waiting")]).toEqual([0, 49]);
  });

  test("has no slot left in the file once its leases have ended, however they ended", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue(many(3, acme));
    const [acked] = await lease(backend, one);
    await backend.ack([acked!]);
    const [dead] = await lease(backend, one);
    await backend.deadLetter(dead!, { code: "CODE", message: "text" });
    const [retried] = await lease(backend, one);
    await backend.retry(retried!, { delayMs: 60_000, countsAttempt: true });
    expect(rows(path, "waybill_slots")).toBe(0);
  });

  test("whose slot a more urgent job took lets the job wait again that was to have it", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue(many(2, acme));
    const first = await lease(backend, { ...one, limit: 9 });
    expect(rows(path, "waybill_waiting")).toBe(1);
    await backend.ack(first);
    await backend.enqueue([message({ id: "urgent", priority: 50, ...acme })]);
    const urgent = await lease(backend, { ...one, limit: 9, signal: AbortSignal.timeout(3_000) });
    expect(urgent).toMatchObject([{ id: "urgent" }]);
    expect([rows(path, "waybill_ready"), rows(path, "waybill_waiting"), rows(path, "waybill_slots")]).toEqual([
      0, 1, 1,
    ]);
    await backend.ack(urgent);
    expect(await idsOf(backend, one)).toEqual(["job-1"]);
  });

  test("is free for a job of another queue when a lease runs out whose queue nobody reads any more", async () => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue([...many(1, acme), message({ id: "other", queue: "other", ...acme })]);
    await lease(backend, { ...one, leaseMs: 300 });
    expect(await idsOf(backend, { ...one, queue: "other" })).toEqual([]);
    expect(await idsOf(backend, { ...one, queue: "other", waitMs: 3_000 })).toEqual(["other"]);
  });

  test("hides no job behind 2,000 others from a call that looks once", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    for (let call = 0; call < 2; call += 1) await backend.enqueue(many(1_000, { ...acme, type: `t${call}` }));
    await backend.enqueue([message({ id: "behind" })]);
    await lease(backend, one);
    expect(await idsOf(backend, one)).toEqual(["behind"]);
    expect(rows(path, "waybill_waiting")).toBe(1_999);
  });

  test("is freed by completeIn once the caller commits", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue(many(2, acme));
    const [first] = await lease(backend, one);
    expect(await lease(backend, one)).toEqual([]);
    const db = new DatabaseSync(path);
    db.exec("BEGIN IMMEDIATE");
    await backend.completeIn(db, first!);
    db.exec("COMMIT");
    db.close();
    expect(await idsOf(backend, { ...one, waitMs: 5_000 })).toEqual(["job-1"]);
  });

  test("keeps the order of its jobs over releases, retries and lost leases", async () => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue(many(4, acme));
    const [released] = await lease(backend, { ...one, limit: 9 });
    await backend.retry(released!, { delayMs: 0, countsAttempt: false });
    expect(await idsOf(backend, { ...one, leaseMs: 50, limit: 9 })).toEqual(["job-0"]);
    const [lost] = await lease(backend, { ...one, limit: 9, waitMs: 5_000 });
    expect(lost).toMatchObject({ id: "job-0", lost: 1 });
    await backend.retry(lost!, { delayMs: 0, countsAttempt: true });
    for (const id of ["job-1", "job-2", "job-3", "job-0"]) {
      const leases = await lease(backend, { ...one, limit: 9 });
      expect(leases).toMatchObject([{ id }]);
      await backend.ack(leases);
    }
  });

  test("has more slots as soon as a program with a higher number leases", async () => {
    const path = temporaryFile();
    const before = await open({ path });
    await before.enqueue(many(10, acme));
    expect(await idsOf(before, { ...one, limit: 9 })).toEqual(["job-0"]);
    const after = await open({ path });
    expect(await idsOf(after, { concurrency: { sync: 4 }, limit: 9 })).toEqual(["job-1", "job-2", "job-3"]);
  });

  test("whose next job another program deleted goes on", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue(many(4, acme));
    const [first] = await lease(backend, one);
    expect(await lease(backend, one)).toEqual([]);
    const db = new DatabaseSync(path);
    db.exec("DELETE FROM waybill_jobs WHERE id = 'job-1'");
    await backend.ack([first!]);
    expect(rows(path, "waybill_ready")).toBe(1);
    // job-2 is ready now: the program deletes it as well, so nothing is left that would wake job-3.
    db.exec("DELETE FROM waybill_jobs WHERE id = 'job-2'");
    db.close();
    expect(await idsOf(backend, { ...one, waitMs: 15_000 })).toEqual(["job-3"]);
  }, 20_000);

  test("counts what another connection leased, and a crash of that one frees it with its lease", async () => {
    const path = temporaryFile();
    const [backend, other] = [await open({ path }), await open({ path })];
    await backend.enqueue(many(2, acme));
    await lease(other, { ...one, leaseMs: 800 });
    expect(await lease(backend, one)).toEqual([]);
    const [taken] = await lease(backend, { ...one, waitMs: 10_000 });
    expect(taken).toMatchObject({ id: "job-0", lost: 1 });
  });
});

describe("a paused type", () => {
  const paused: Partial<LeaseRequest> = { excludeTypes: ["mail"] };

  test("is set aside once, and its jobs are leased in their order among the others once it is resumed", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue([
      message({ id: "a", type: "mail" }),
      message({ id: "b" }),
      message({ id: "c", type: "mail" }),
    ]);
    expect(await idsOf(backend, { ...paused, limit: 9 })).toEqual(["b"]);
    await backend.enqueue([message({ id: "d" })]);
    expect([rows(path, "waybill_ready"), rows(path, "waybill_waiting")]).toEqual([1, 2]);
    expect(await backend.inspector.counts()).toMatchObject([{ ready: 3, leased: 1 }]);
    expect(await idsOf(backend, { limit: 9 })).toEqual(["a", "c", "d"]);
  });

  test("is resumed by as many jobs as a call asks for, and not all at once", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue(many(100, { type: "mail" }));
    expect(await lease(backend, paused)).toEqual([]);
    expect(await idsOf(backend, { limit: 2 })).toEqual(["mail-0", "mail-1"]);
    expect([rows(path, "waybill_ready"), rows(path, "waybill_waiting")]).toEqual([0, 98]);
  });

  test("wakes a call that waits when it is resumed for it alone", async () => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue([message({ id: "a", type: "mail" })]);
    const waiting = lease(backend, { ...paused, waitMs: 300 });
    expect(await waiting).toEqual([]);
    expect(await idsOf(backend, { waitMs: 5_000 })).toEqual(["a"]);
  });
});

test("a queue that has its number of leases lets no call look at its jobs, and other queues go on", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  await backend.enqueue([...many(5, {}), message({ id: "other", queue: "other" })]);
  const two = { queueConcurrency: 2, limit: 9 };
  const leases = await lease(backend, two);
  expect(leases).toHaveLength(2);
  expect(await lease(backend, two)).toEqual([]);
  expect(await idsOf(backend, { ...two, queue: "other" })).toEqual(["other"]);
  const waiting = lease(backend, { ...two, waitMs: 10_000 });
  await backend.ack(leases.slice(0, 1));
  expect(await waiting).toHaveLength(1);
});
