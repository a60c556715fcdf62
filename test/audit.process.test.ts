import { randomUUID } from "node:crypto";
import { defineJob, DeadLetter, type Jobs } from "@waybill/core";
import { type Backend, type RecordChange, recordStoreOf } from "@waybill/core/backend";
import { fromUrl as bullmq } from "@waybill/bullmq";
import { fromUrl as postgres } from "@waybill/postgres";
import { fromUrl as sqlite } from "@waybill/sqlite";
import { context } from "@waybill/test-servers/fixtures";
import { afterEach, describe, expect, test } from "vitest";
import { type BackendName, freshStore, listedWorker, type Store, until } from "./why/stage.ts";

const cleaning: (() => unknown)[] = [];
const ended = (work: () => unknown): void => void cleaning.push(work);
afterEach(async () => {
  for (const work of cleaning.splice(0).toReversed()) await work();
});

const factories = { sqlite, postgres, bullmq } as const;

const mail = defineJob<{ fate: "completes" | "dies" | "waits" }>({
  type: "mail.send",
  queue: "mailers",
  handler({ fate }) {
    if (fate === "dies") throw new DeadLetter("the account is closed");
  },
});

async function opened(backend: BackendName): Promise<{ readonly store: Store; readonly jobs: Jobs }> {
  const store = await freshStore(backend, ended);
  const jobs = await store.open({ records: "1d" });
  ended(() => jobs.close());
  return { store, jobs };
}

/** Enqueues five jobs, of which three end, one waits and one is cancelled. */
async function fiveJobs(jobs: Jobs): Promise<void> {
  const worker = await listedWorker({ jobs, ended }, { jobs: [mail] });
  for (const fate of ["completes", "completes", "dies"] as const) await jobs.enqueue(mail, { fate });
  await jobs.enqueue(mail, { fate: "waits" }, { delay: "10m" });
  const { id } = await jobs.enqueue(mail, { fate: "waits" }, { delay: "10m" });
  await jobs.cancel(id);
  await until("three have ended", async () => {
    const { completed, dead } = await jobs.audit({ last: "10m" });
    return completed === 2 && dead === 1;
  });
  await worker.stop();
}

/** The record of a job that was accepted two minutes ago, and that no store has. */
function lost(queue: string, startedAt: number | null = null): RecordChange {
  const at = Date.now() - 120_000;
  const job = { id: randomUUID(), type: "mail.send", queue, tenant: null, enqueuedAt: at, payload: "{}" };
  const state = startedAt === null ? "waiting" : "running";
  return { ...job, state, code: null, message: null, at, startedAt, endedAt: null, items: {}, rank: 1, replaces: 0 };
}

/** Writes records into a store itself, past every connection. */
async function write(opening: Promise<Backend>, scope: string, changes: readonly RecordChange[]): Promise<void> {
  const backend = await opening;
  await recordStoreOf(backend, scope)?.write(changes);
  await backend.close();
}

describe.each(["sqlite", "postgres", "bullmq"] as const)("on %s", { concurrent: false }, (name) => {
  test("an audit without loss adds up, and names no gap", async () => {
    const { jobs } = await opened(name);
    await fiveJobs(jobs);
    const { since, until: end, ...sums } = await jobs.audit({ last: "10m" });
    expect(end - since).toBe(600_000);
    expect(sums).toEqual({
      accepted: 5,
      completed: 2,
      discarded: 0,
      cancelled: 1,
      dead: 1,
      unfinished: 1,
      unrecorded: 0,
      missing: 0,
      gaps: [],
      exact: true,
      queues: [],
    });
  });

  test("an audit names each job that was accepted and is nowhere", async () => {
    const { store, jobs } = await opened(name);
    await fiveJobs(jobs);
    const never = lost("mailers");
    const begun = lost("mailers", Date.now() - 60_000);
    await write(factories[name](store.url ?? "")(context), "", [never, begun]);
    const audit = await jobs.audit({ last: "10m" });
    expect(audit).toMatchObject({ accepted: 7, unfinished: 1, missing: 2 });
    const gaps = audit.gaps.toSorted((a, b) => a.kind.localeCompare(b.kind));
    expect(gaps).toMatchObject([
      { kind: "never_started", id: never.id, type: "mail.send", queue: "mailers", state: "waiting", worker: null },
      { kind: "no_end", id: begun.id, state: "running" },
    ]);
    expect(await jobs.audit({ last: "1m" })).toMatchObject({ accepted: 5, missing: 0 });
    expect(await jobs.audit({ last: "10m", queue: "other" })).toMatchObject({ accepted: 0, missing: 0 });
  });

  test("an audit names a dead letter that another program has removed", async () => {
    const { store, jobs } = await opened(name);
    await fiveJobs(jobs);
    const other = await factories[name](store.url ?? "")(context);
    if (!("inspector" in other)) throw new Error("it has an inspector");
    await (other as Backend & { inspector: NonNullable<Jobs["inspector"]> }).inspector.drop({});
    await other.close();
    const audit = await jobs.audit({ last: "10m" });
    expect(audit).toMatchObject({ accepted: 5, dead: 0, missing: 1, gaps: [{ kind: "letter_gone", state: "dead" }] });
  });
});

describe.each(["rabbitmq", "sqs"] as const)("on %s, whose jobs no one can look up", { concurrent: false }, (name) => {
  test("an audit compares what should be in each queue with its count", async () => {
    const { store, jobs } = await opened(name);
    await fiveJobs(jobs);
    expect(await jobs.audit({ last: "10m" })).toMatchObject({ accepted: 5, missing: 0, gaps: [], exact: false });
    const ledger = new URL(store.url ?? "").searchParams.get("ledger") ?? "";
    const gone = lost("mailers");
    const scope = jobs.backend.name;
    await write(sqlite(ledger)(context), scope, [gone]);
    expect(await jobs.audit({ last: "10m" })).toMatchObject({
      accepted: 6,
      missing: 1,
      gaps: [{ kind: "never_started", id: gone.id }],
      queues: [{ queue: "mailers", expected: 1, counted: 0 }],
    });
    // One more job waits in the queue: which of them is gone cannot be told, that one is can.
    await jobs.enqueue(mail, { fate: "waits" });
    await write(sqlite(ledger)(context), scope, [lost("mailers")]);
    await until("one is in the queue", async () => (await jobs.audit({ last: "10m" })).queues[0]?.counted === 1);
    expect(await jobs.audit({ last: "10m" })).toMatchObject({ missing: 1, gaps: [] });
  });
});

test("an audit is refused where no records are kept, and for options that cannot be meant", async () => {
  const store = await freshStore("sqlite", ended);
  const jobs = await store.open();
  ended(() => jobs.close());
  const refused = { code: "CONFIG_INVALID" };
  await expect(jobs.audit({ last: 0 })).rejects.toMatchObject(refused);
  await expect(jobs.audit({ last: "yesterday" as never })).rejects.toMatchObject(refused);
  await expect(jobs.audit({ queue: "" })).rejects.toMatchObject(refused);
  await expect(jobs.audit({ queu: "mailers" } as never)).rejects.toThrow('did you mean "queue"?');
});
