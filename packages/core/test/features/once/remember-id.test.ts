import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { LedgerBackend } from "../../../src/exports/backend.ts";
import { defineJob, derivedId, handlerFor, type Jobs, WaybillError } from "../../../src/index.ts";
import { memoryBackend, type MemoryFactory } from "../../../src/memory/index.ts";
import { connected, eventOf, memoryWith } from "../../helpers/connected.ts";

const mail = defineJob({ type: "mail.send" });
const id = await derivedId(["mail", "order-7"]);
const twice = { uniqueIds: false };

const remembering = (open: MemoryFactory): Promise<Jobs> => connected(open, { rememberIds: "1d" });

test("a finished id that is enqueued again is not stored, and does not run again", async () => {
  const jobs = await remembering(memoryBackend());
  let runs = 0;
  const done = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [handlerFor(mail, () => void (runs += 1))] }).start();
  expect(await jobs.enqueue(mail, {}, { id })).toEqual({ id, stored: true });
  await done;
  expect(await jobs.enqueue(mail, {}, { id })).toEqual({ id, stored: false });
  expect(await jobs.enqueueMany([{ job: mail, payload: {}, options: { id } }])).toEqual([
    { ok: true, value: { id, stored: false } },
  ]);
  await sleep(50);
  expect(runs).toBe(1);
});

test("R46: the same id enqueued twice where both copies are stored runs once, at the same time and one after the other", async () => {
  const open = memoryBackend({ capabilities: twice });
  const [one, two] = [await remembering(open), await remembering(open)];
  let runs = 0;
  const work = handlerFor(mail, async () => {
    runs += 1;
    await sleep(100);
  });
  await one.enqueue(mail, {}, { id });
  await one.enqueue(mail, {}, { id });
  const codes: unknown[] = [];
  for (const jobs of [one, two]) {
    jobs.events.on("settled", ({ outcome, reason }) => void codes.push(reason?.code ?? outcome));
    await jobs.worker({ jobs: [work], concurrency: 1 }).start();
  }
  await expect.poll(() => codes.includes("FINISHED_BEFORE"), { timeout: 15_000 }).toBe(true);
  expect(runs).toBe(1);
  expect(codes.filter((code) => code === "completed")).toHaveLength(1);
});

test("a job whose worker died after the end was recorded is not run again", async () => {
  let isAcking = false;
  const jobs = await connected(
    memoryWith((backend) => ({
      async ack(leases) {
        if (isAcking) return backend.ack(leases);
        isAcking = true;
        // As if the process had died here: nothing is acked, and the lease runs out.
        const error = new WaybillError("LEASE_LOST", "the process has died");
        return leases.map(() => ({ ok: false, error }));
      },
    })),
    { rememberIds: "1d" },
  );
  let runs = 0;
  const dropped = eventOf(jobs, "settled", ({ reason }) => reason?.code === "FINISHED_BEFORE");
  await jobs.worker({ jobs: [handlerFor(mail, () => void (runs += 1))], lease: "300ms" }).start();
  await jobs.enqueue(mail, {}, { id });
  expect(await dropped).toMatchObject({ id, kept: false });
  expect(runs).toBe(1);
});

test("retries, releases and replayed dead letters of an id run", async () => {
  const jobs = await connected(memoryBackend({ capabilities: { ...twice, uniqueIds: true } }), { rememberIds: "1d" });
  const attempts: number[] = [];
  const retry = { maxAttempts: 2, initial: 1, jitter: false } as const;
  const fails = defineJob({
    type: "fails",
    retry,
    handler(_, job) {
      attempts.push(job.attempt);
      if (attempts.length < 3) throw new Error("no");
    },
  });
  const dead = eventOf(jobs, "settled", ({ outcome }) => outcome === "dead");
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await jobs.worker({ jobs: [fails] }).start();
  await jobs.enqueue(fails, {}, { id });
  await dead;
  await jobs.inspector?.replay();
  await completed;
  expect(attempts).toEqual([1, 2, 1]);
});

test("a cancelled id is not remembered as finished", async () => {
  const jobs = await remembering(memoryBackend());
  await jobs.enqueue(mail, {}, { id, delay: 0 });
  await jobs.cancel(id);
  expect(await jobs.enqueue(mail, {}, { id })).toMatchObject({ stored: true });
});

test("while the ledger is away a job waits, and no attempt is spent", async () => {
  const away = { read: () => Promise.reject(new Error("the ledger is away")) };
  const jobs = await connected(
    memoryWith((backend) => ({ ledger: { ...(backend as never as { ledger: object }).ledger, ...away } }) as never),
    { rememberIds: "1d" },
  );
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [handlerFor(mail, () => undefined)] }).start();
  await jobs.enqueue(mail, {});
  expect(await settled).toMatchObject({ outcome: "release", reason: { code: "IDS_UNAVAILABLE" } });
  await expect(jobs.enqueue(mail, {}, { id })).rejects.toMatchObject({ message: /the ledger is away/ });
});

test("an end that cannot be remembered is reported", async () => {
  let isAway = false;
  const open = memoryWith((backend) => {
    const { ledger } = backend as LedgerBackend;
    const commit: typeof ledger.commit = (changes) =>
      isAway ? Promise.reject(new Error("the ledger is away")) : ledger.commit(changes);
    return { ledger: { ...ledger, commit } } as object;
  });
  const jobs = await connected(open, { rememberIds: "1d" });
  const unavailable = eventOf(jobs, "unavailable");
  await jobs.worker({ jobs: [handlerFor(mail, () => void (isAway = true))] }).start();
  await jobs.enqueue(mail, {}, { id });
  const message = expect.stringMatching(`the end of id "${id}" could not be remembered: .*the ledger is away`);
  expect(await unavailable).toMatchObject({ message });
});

test("a run whose reservation has lapsed is aborted, since another delivery of its id may run", async () => {
  const backend = await memoryBackend({ capabilities: twice })();
  const { ledger } = backend as LedgerBackend;
  const jobs = await connected(async () => backend, { rememberIds: "1d" });
  const settled = eventOf(jobs, "settled");
  vi.useFakeTimers({ toFake: ["setInterval"] });
  try {
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
    const work = handlerFor(mail, async (_, job) => {
      job.signal.addEventListener("abort", () => resolve(job.signal.reason));
      // Another delivery has reserved the id, as it may once the reservation of this one has expired.
      await ledger.commit([{ key: `id/${id}`, ifVersion: "any", value: "another", expiresInMs: 30_000 }]);
      await vi.advanceTimersByTimeAsync(10_000);
      await aborted;
    });
    await jobs.worker({ jobs: [work] }).start();
    await jobs.enqueue(mail, {}, { id });
    expect(await settled).toMatchObject({ outcome: "release", reason: { code: "LEASE_LOST" } });
    expect(await aborted).toMatchObject({ code: "LEASE_LOST", message: /the reservation of id .* ran out/ });
  } finally {
    vi.useRealTimers();
  }
  expect((await ledger.read([`id/${id}`]))[0]).toMatchObject({ value: "another" });
});

test.each([
  [0, "CONFIG_INVALID", /rememberIds is 0/],
  ["soon", "CONFIG_INVALID", /rememberIds is "soon"/],
])("rememberIds %j is refused when the connection opens", async (rememberIds, code, message) => {
  await expect(connected("memory:", { rememberIds: rememberIds as never })).rejects.toMatchObject({ code, message });
});

test("without a ledger rememberIds is refused when the connection opens", async () => {
  const open = memoryWith(() => ({ ledger: null }) as never);
  await expect(connected(open, { rememberIds: "1d" })).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: /rememberIds needs a ledger/,
  });
});
