import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { defineJob, type Jobs, type WaybillError } from "../../../src/index.ts";
import type { Lease } from "../../../src/backend/contract.ts";
import type { Ledger, LedgerBackend } from "../../../src/backend/ledger.ts";
import { createKnownCancels } from "../../../src/features/control/known-cancels.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf } from "../../helpers/connected.ts";

const mail = defineJob({ type: "mail.send", handler() {} });
const nothing = { cancelled: 0, aborting: 0, recorded: 0, dead: 0, absent: 0 };

test("a job that waits is gone once it is cancelled, and an event names it", async () => {
  const jobs = await connected();
  const { id } = await jobs.enqueue(mail, {}, { delay: "1h" });
  const cancelled = eventOf(jobs, "cancelled");
  expect(await jobs.cancel(id)).toEqual({ ...nothing, cancelled: 1 });
  expect(await cancelled).toMatchObject({ id, type: "mail.send", queue: "default" });
  expect(await jobs.find(id)).toBeNull();
  expect(await jobs.cancel(id)).toEqual({ ...nothing, absent: 1 });
});

/** A handler that runs until its signal aborts, with what it was aborted by. */
function endless() {
  const aborted: unknown[] = [];
  const job = defineJob({
    type: "endless",
    async handler(_, { signal }) {
      await sleep(60_000, null, { signal }).catch(() => undefined);
      aborted.push((signal.reason as WaybillError).code);
      throw new Error("stopped half-way");
    },
  });
  return { job, aborted };
}

test("a running job is aborted with JOB_CANCELLED by another process, ends as CANCELLED and is not retried", async () => {
  const open = memoryBackend();
  const { job, aborted } = endless();
  const worker = await connected(open);
  const other = await connected(open);
  const started = eventOf(worker, "started");
  const settled = eventOf(worker, "settled");
  await worker.worker({ jobs: [job], heartbeat: "100ms" }).start();
  const { id } = await other.enqueue(job, {});
  await started;
  expect(await other.cancel(id, { dryRun: true })).toEqual({ ...nothing, aborting: 1 });
  expect(await other.cancel(id)).toEqual({ ...nothing, aborting: 1 });
  expect(await settled).toMatchObject({ id, outcome: "dead", kept: false, reason: { code: "CANCELLED" } });
  expect(aborted).toEqual(["JOB_CANCELLED"]);
  expect(await other.find(id)).toBeNull();
});

test("a handler that is unresponsive to abort loses its slot after the limit for aborts", async () => {
  const jobs = await connected();
  let end = (): void => {};
  const busy = defineJob({ type: "busy", handler: () => new Promise<void>((resolve) => (end = resolve)) });
  const started = eventOf(jobs, "started");
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [busy], shutdown: { abort: "50ms" } }).start();
  const { id } = await jobs.enqueue(busy, {});
  await started;
  await jobs.cancel(id);
  expect(await settled).toMatchObject({ outcome: "dead", kept: false, reason: { code: "CANCELLED" } });
  end();
});

test("an id that was cancelled while it ran may be enqueued again, and runs", async () => {
  const jobs = await connected();
  const { job } = endless();
  await jobs.worker({ jobs: [job, mail] }).start();
  const started = eventOf(jobs, "started");
  const ended = eventOf(jobs, "settled");
  const { id } = await jobs.enqueue(job, {}, { id: "8b1c4ad2-6a0a-8f13-9d5e-4c1f0a9e7b21" });
  await started;
  await jobs.cancel(id);
  await ended;
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await sleep(5);
  await jobs.enqueue(mail, {}, { id });
  expect(await completed).toMatchObject({ id });
});

test("a job whose worker died before it read the cancel is dropped by the next worker that leases it", async () => {
  const open = memoryBackend();
  const jobs = await connected(open);
  const { job } = endless();
  const backend = await open();
  const { id } = await jobs.enqueue(job, {});
  const request = { queue: "default", limit: 1, leaseMs: 200, waitMs: 0, signal: new AbortController().signal };
  expect(await backend.lease(request)).toHaveLength(1);
  expect(await jobs.cancel(id)).toEqual({ ...nothing, aborting: 1 });
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [job] }).start();
  expect(await settled).toMatchObject({
    id,
    outcome: "dead",
    kept: false,
    durationMs: 0,
    reason: { code: "CANCELLED" },
  });
});

async function waiting(jobs: Jobs): Promise<void> {
  for (const queue of ["mailers", "mailers", "default"]) await jobs.enqueue(mail, {}, { queue, delay: "1h" });
}

test("a query cancels what it matches, and with dryRun counts it and changes nothing", async () => {
  const jobs = await connected();
  await waiting(jobs);
  expect(await jobs.cancel({ queue: "mailers" }, { dryRun: true })).toEqual({ ...nothing, cancelled: 2 });
  expect((await jobs.list()).jobs).toHaveLength(3);
  expect(await jobs.cancel({ queue: "mailers" })).toEqual({ ...nothing, cancelled: 2 });
  expect((await jobs.list()).jobs.map(({ queue }) => queue)).toEqual(["default"]);
});

test("a cancel by query reaches jobs of more than one page", async () => {
  const jobs = await connected();
  await jobs.enqueueMany(Array.from({ length: 450 }, () => ({ job: mail, payload: {} })));
  expect(await jobs.cancel({ type: "mail.send" })).toEqual({ ...nothing, cancelled: 450 });
  expect((await jobs.list()).jobs).toEqual([]);
});

test("a dead letter is not cancelled, by its id or by a query", async () => {
  const jobs = await connected();
  const fails = defineJob({ type: "fails", retry: { maxAttempts: 1 }, handler: () => Promise.reject(new Error("no")) });
  const dead = eventOf(jobs, "settled");
  const worker = jobs.worker({ jobs: [fails] });
  await worker.start();
  const { id } = await jobs.enqueue(fails, {});
  await dead;
  expect(await jobs.cancel(id)).toEqual({ ...nothing, dead: 1 });
  expect(await jobs.cancel({ type: "fails" })).toEqual(nothing);
  expect(await jobs.find(id)).toMatchObject({ state: "dead", reason: { code: "ATTEMPTS_EXHAUSTED" } });
});

const like = { uniqueIds: false };

test("where the backend cannot list its jobs, a waiting job is cancelled when it is delivered", async () => {
  const jobs = await connected(memoryBackend({ capabilities: like }));
  const { id } = await jobs.enqueue(mail, {});
  expect(await jobs.cancel(id)).toEqual({ ...nothing, recorded: 1 });
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [mail] }).start();
  expect(await settled).toMatchObject({ id, outcome: "dead", kept: false, reason: { code: "CANCELLED" } });
});

test("where the backend cannot list its jobs, list and find say why", async () => {
  const jobs = await connected(memoryBackend({ capabilities: like }));
  await expect(jobs.find("a")).rejects.toMatchObject({ code: "CAPABILITY_MISSING", message: /no one look up/ });
  await expect(jobs.list()).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  await expect(jobs.cancel({ queue: "a" })).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  await expect(jobs.runNow("a")).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});

const own = { id: "8b1c4ad2-6a0a-8f13-9d5e-4c1f0a9e7b21" };

test("where the backend cannot list its jobs, an id of one's own may be enqueued again after its cancel, and runs", async () => {
  const open = memoryBackend({ capabilities: like });
  const jobs = await connected(open);
  const worker = await connected(open);
  await jobs.cancel(own.id);
  const marker = eventOf(worker, "settled");
  await worker.worker({ jobs: [mail] }).start();
  // The worker has read the cancel by then.
  await jobs.enqueue(mail, {});
  await marker;
  const settled = eventOf(worker, "settled");
  await jobs.enqueue(mail, {}, own);
  expect(await settled).toMatchObject({ id: own.id, outcome: "completed" });
});

test("an own id that is not enqueued again stays cancelled", async () => {
  const jobs = await connected(memoryBackend({ capabilities: like }));
  await jobs.enqueue(mail, {}, own);
  await jobs.cancel(own.id);
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [mail] }).start();
  expect(await settled).toMatchObject({ id: own.id, reason: { code: "CANCELLED" } });
});

test.each(["before the worker has read it", "after it has"])(
  "a cancel that came too late for its job does not end the next one of its id, %s",
  async (when) => {
    const open = memoryBackend();
    const { ledger } = (await open()) as LedgerBackend;
    const jobs = await connected(open);
    const { job, aborted } = endless();
    const quick = defineJob({ type: "quick", handler: () => sleep(350) });
    // The cancel of a job that had this id a minute ago.
    const value = JSON.stringify({ cancel: own.id, at: Date.now() + 60_000, enqueuedAt: Date.now() - 60_000 });
    const cancel = () => ledger.commit([{ key: `control/cancel/${own.id}`, ifVersion: "any", value }]);
    if (when === "after it has") await cancel();
    const settled = eventOf(jobs, "settled");
    const started = eventOf(jobs, "started");
    await jobs.worker({ jobs: [quick, job], heartbeat: "100ms" }).start();
    await jobs.enqueue(quick, {}, own);
    await started;
    if (when !== "after it has") await cancel();
    expect(await settled).toMatchObject({ id: own.id, outcome: "completed" });
    expect(aborted).toEqual([]);
    expect(await ledger.list({ prefix: "control/cancel/", limit: 10 })).toEqual([]);
  },
);

test("a worker reads 5,000 cancels at a time, and all of them in the end", async () => {
  const open = memoryBackend({ capabilities: like });
  const { ledger } = (await open()) as LedgerBackend;
  for (let from = 0; from < 7; from++) {
    const ids = Array.from({ length: 1_000 }, (_, at) => `${from}-${at}`);
    await ledger.commit(
      ids.map((cancel) => {
        const value = JSON.stringify({ cancel, at: Date.now() });
        return { key: `control/cancel/${cancel}`, ifVersion: "any", value };
      }),
    );
  }
  let lists = 0;
  const list: Ledger["list"] = (range) => ((lists += 1), ledger.list(range));
  const cancels = createKnownCancels({ ...ledger, list }, null);
  await cancels.read();
  expect([lists, cancels.size]).toEqual([5, 5_000]);
  await cancels.read();
  await cancels.read();
  const body = JSON.stringify({ spec: "waybill/1", ...own, type: "t", args: [], created_at: "2026-01-01T00:00:00Z" });
  expect(cancels.isCancelled({ id: "6-999", body } as Lease)).toBe(true);
  expect(cancels.isCancelled({ id: "7-0", body } as Lease)).toBe(false);
  expect(cancels.size).toBe(7_000);
});
