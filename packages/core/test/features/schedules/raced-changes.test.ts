import { expect, test } from "vitest";
import { defineJob, defineSchedule, isWaybillError } from "../../../src/index.ts";
import type { BackendFactory, Ledger, LedgerBackend } from "../../../src/exports/backend.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf } from "../../helpers/connected.ts";

const job = defineJob({ type: "job", handler() {} });
const schedules = [defineSchedule({ name: "s", job, payload: {}, every: "1h" })];

/** The same store, with some calls of its ledger replaced. */
const withLedger =
  (store: BackendFactory, change: (ledger: Ledger) => Partial<Ledger>): BackendFactory =>
  async (...context) => {
    const backend = (await store(...context)) as LedgerBackend;
    return { ...backend, ledger: { ...backend.ledger, ...change(backend.ledger) } } as LedgerBackend;
  };

/** A store in which the schedule is there and no worker declares it any more. */
async function orphaned(): Promise<BackendFactory> {
  const store = memoryBackend();
  const worker = (await connected(store)).worker({ jobs: [job], schedules });
  await worker.start();
  await worker.stop();
  return store;
}

test("a worker that declares a schedule while it is removed keeps it", async () => {
  const store = await orphaned();
  const worker = (await connected(store)).worker({ jobs: [job], schedules });
  let isFirst = true;
  const raced = withLedger(store, (ledger) => ({
    async commit(changes) {
      if (isFirst && changes.some(({ value }) => value === null)) {
        isFirst = false;
        await worker.start();
      }
      return ledger.commit(changes);
    },
  }));
  const jobs = await connected(raced);
  await expect(jobs.schedules.remove("s")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/is declared by a worker that runs now/),
  });
  expect(await jobs.schedules.list()).toMatchObject([{ name: "s", from: "code" }]);
});

test("a removal that another change forestalls is tried again", async () => {
  const store = await orphaned();
  let tries = 0;
  const raced = withLedger(store, (ledger) => ({
    async commit(changes) {
      const isRemoval = changes.some(({ value }) => value === null);
      if (isRemoval && ++tries === 1) await (await connected(store)).schedules.pause("s");
      return ledger.commit(changes);
    },
  }));
  const jobs = await connected(raced);
  expect(await jobs.schedules.remove("s")).toBe(true);
  expect(tries).toBe(2);
  expect(await jobs.schedules.list()).toEqual([]);
});

test("a worker whose declaration expired while its ledger was away declares its removed schedule again", async () => {
  const store = memoryBackend();
  let isAway = false;
  const jobs = await connected(
    withLedger(store, (ledger) => ({
      commit: (changes) => (isAway ? Promise.reject(new Error("away")) : ledger.commit(changes)),
    })),
  );
  await jobs.worker({ jobs: [job], schedules, heartbeat: "1s" }).start();
  isAway = true;
  const other = await connected(store);
  const removed = (): Promise<boolean> => other.schedules.remove("s").catch(() => false);
  await expect.poll(removed, { timeout: 10_000, interval: 100 }).toBe(true);
  isAway = false;
  await expect.poll(() => other.schedules.list(), { timeout: 5_000 }).toMatchObject([{ name: "s", from: "code" }]);
});

test("a change that other processes forestall each time rejects BACKEND_UNAVAILABLE, and a worker then declares later", async () => {
  const store = memoryBackend();
  let isBusy = true;
  const busy = withLedger(store, (ledger) => ({
    async commit(changes) {
      const keys = changes.map(({ key }) => key).filter((key) => key.startsWith("schedule/at/"));
      return isBusy && keys.length > 0 ? { ok: false, conflicts: keys } : ledger.commit(changes);
    },
  }));
  const [jobs, other] = [await connected(busy), await connected(store)];
  const unscheduled = eventOf(jobs, "unscheduled");
  await jobs.worker({ jobs: [job], schedules }).start();
  expect((await unscheduled).message).toMatch(/^schedule "s" .*other processes were first 20 times; call again$/);
  await other.schedules.put(defineSchedule({ name: "put", job, payload: {}, every: "1h" }));
  const message = 'schedule "put" was not changed: other processes were first 50 times; call again';
  for (const call of ["pause", "remove"] as const) {
    await expect(jobs.schedules[call]("put")).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", message });
  }
  isBusy = false;
  const names = async (): Promise<string[]> => (await other.schedules.list()).map(({ name }) => name);
  await expect.poll(names, { timeout: 5_000 }).toEqual(["put", "s"]);
});

test("a declaration that is damaged is reported once, and stops no other schedule", async () => {
  const store = memoryBackend();
  const { ledger } = (await store()) as LedgerBackend;
  const values = ["null", "[]", "{}", '{"program":"p","at":"x","names":[]}', '{"program":"p","at":1,"names":[5]}', "{"];
  await ledger.commit(values.map((value, at) => ({ key: `schedule/by/damaged${at}`, ifVersion: "any", value })));
  const jobs = await connected(store);
  const messages: string[] = [];
  jobs.events.on("unscheduled", ({ message }) => void messages.push(message));
  const every = [defineSchedule({ name: "s", job, payload: {}, every: "1s" })];
  await jobs.worker({ jobs: [job], schedules: every, heartbeat: "1s" }).start();
  for (let ticks = 0; ticks < 2; ticks++) await eventOf(jobs, "tick");
  expect(await jobs.schedules.list()).toMatchObject([{ name: "s", from: "code" }]);
  expect(messages).toHaveLength(values.length);
  expect(messages[0]).toMatch(/^the ledger record "schedule\/by\/damaged0" is left out: .*, or delete the record$/);
});

test("a run that is asked for follows the overlap that the schedule has when it is reserved", async () => {
  const store = memoryBackend();
  const other = await connected(store);
  const put = (overlap: "skip" | "allow"): Promise<void> =>
    other.schedules.put(defineSchedule({ name: "s", job, payload: {}, every: "1h", overlap }));
  await put("skip");
  let isFirst = true;
  const raced = withLedger(store, (ledger) => ({
    async commit(changes) {
      if (isFirst) {
        isFirst = false;
        await put("allow");
      }
      return ledger.commit(changes);
    },
  }));
  const { id } = await (await connected(raced)).schedules.runNow("s");
  // A run that reserves nothing has a random id, of version 7; that of a tick is derived, of version 8.
  expect(id.charAt(14)).toBe("7");
});

test("a run that is refused names the job that is unfinished, as a duplicate does", async () => {
  const jobs = await connected();
  await jobs.schedules.put(defineSchedule({ name: "s", job, payload: {}, every: "1h", overlap: "skip" }));
  const { id } = await jobs.schedules.runNow("s");
  const refused = await jobs.schedules.runNow("s").catch((error: unknown) => error);
  expect(isWaybillError(refused, "DUPLICATE_JOB") && refused.duplicateOf).toBe(id);
});

test("to resume a schedule that is not paused writes nothing, and an unknown one is refused", async () => {
  const store = memoryBackend();
  let commits = 0;
  const counted = withLedger(store, (ledger) => ({ commit: (changes) => ((commits += 1), ledger.commit(changes)) }));
  const jobs = await connected(counted);
  await jobs.schedules.put(defineSchedule({ name: "s", job, payload: {}, every: "1h" }));
  const before = commits;
  await jobs.schedules.resume("s");
  expect(commits).toBe(before);
  await expect(jobs.schedules.resume("none")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
