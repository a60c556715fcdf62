import { afterEach, expect, test } from "vitest";
import { defineJob, type Jobs } from "../../../src/index.ts";
import type { Ledger, LedgerBackend } from "../../../src/backend/ledger.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { moveClock } from "../../../src/time/clock.ts";
import { connected } from "../../helpers/connected.ts";

const ran: unknown[] = [];
const sync = defineJob<{ shop: string; n: number }>({
  type: "shop.sync",
  unique: { by: ({ shop }) => shop },
  handler: ({ n }) => void ran.push(n),
});

afterEach(() => void (ran.length = 0));

/** Connections to one store without keys, whose ledger makes no call for which `fails` holds: it rejects, or never returns. */
function outage(): { open(): Promise<Jobs>; fails: "no" | "commits" | "frees" | "reads"; hangs: boolean } {
  const factory = memoryBackend({ capabilities: { uniqueKeys: false } });
  const state = { fails: "no" as "no" | "commits" | "frees" | "reads", hangs: false };
  const away = (): Promise<never> => (state.hangs ? new Promise(() => {}) : Promise.reject(new Error("away")));
  const isOurs = ({ key }: { readonly key: string }): boolean => key.includes("shop.sync");
  const open = (): Promise<Jobs> =>
    connected(
      async () => {
        const backend = (await factory()) as LedgerBackend;
        const { ledger } = backend;
        const commit: Ledger["commit"] = (changes) => {
          const isFree = changes.some((change) => isOurs(change) && change.value === null);
          return state.fails === "commits" || (state.fails === "frees" && isFree) ? away() : ledger.commit(changes);
        };
        const read: Ledger["read"] = (keys) =>
          state.fails === "reads" && keys.some((key) => isOurs({ key })) ? away() : ledger.read(keys);
        return { ...backend, ledger: { ...ledger, commit, read } };
      },
      { jobs: [sync] },
    );
  return Object.assign(state, { open });
}

/** The ids of the jobs that have completed. */
function completedIds(jobs: Jobs): string[] {
  const ids: string[] = [];
  jobs.events.on("settled", ({ id, outcome }) => void (outcome === "completed" && ids.push(id)));
  return ids;
}

test("while the ledger is away, the end of a unique job is not stored, so that its key is never left taken", async () => {
  const store = outage();
  const jobs = await store.open();
  const completed = completedIds(jobs);
  const { id } = await jobs.enqueue(sync, { shop: "a", n: 1 });
  const off = jobs.events.on("started", () => (store.fails = "commits"));
  await jobs.worker({ jobs: [sync] }).start();
  await expect.poll(() => ran).toEqual([1]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(completed).toEqual([]);
  off();
  store.fails = "no";
  await expect.poll(() => completed, { timeout: 5_000 }).toEqual([id]);
  expect((await jobs.enqueue(sync, { shop: "a", n: 2 })).stored).toBe(true);
});

test("a worker that ends while the ledger is away leaves its unique job to another, whose end frees the key", async () => {
  const store = outage();
  const first = await store.open();
  await first.enqueue(sync, { shop: "a", n: 1 });
  first.events.on("started", () => (store.fails = "commits"));
  await first.worker({ jobs: [sync], lease: "1s", shutdown: { drain: 0, abort: 0, close: 100 } }).start();
  await expect.poll(() => ran).toEqual([1]);
  await first.close();
  store.fails = "no";
  const second = await store.open();
  const completed = completedIds(second);
  await second.worker({ jobs: [sync] }).start();
  await expect.poll(() => completed.length, { timeout: 5_000 }).toBe(1);
  expect((await second.enqueue(sync, { shop: "a", n: 2 })).stored).toBe(true);
});

test("a process that dies between the end of its job and the freeing of its key leaves it taken for a minute", async () => {
  const store = outage();
  const first = await store.open();
  const completed = completedIds(first);
  await first.enqueue(sync, { shop: "a", n: 1 });
  store.fails = "frees";
  await first.worker({ jobs: [sync] }).start();
  await expect.poll(() => completed.length).toBe(1);
  await first.close();
  const second = await store.open();
  await expect(second.enqueue(sync, { shop: "a", n: 2 })).rejects.toMatchObject({ code: "DUPLICATE_JOB" });
  const back = moveClock(60_000);
  store.fails = "no";
  const { stored } = await second.enqueue(sync, { shop: "a", n: 3 });
  back();
  expect(stored).toBe(true);
});

test("a ledger that hangs holds up the end of a unique job alone", async () => {
  const store = outage();
  const jobs = await store.open();
  const completed = completedIds(jobs);
  await jobs.enqueue(sync, { shop: "a", n: 1 });
  const others = [2, 3].map((n) => jobs.enqueue(sync, { shop: "b", n }, { unique: false }));
  const ids = (await Promise.all(others)).map((receipt) => receipt.id);
  store.hangs = true;
  jobs.events.on("started", () => (store.fails = "commits"));
  await jobs.worker({ jobs: [sync], shutdown: { drain: 0, abort: 0, close: 100 } }).start();
  await expect.poll(() => completed.toSorted(), { timeout: 4_000 }).toEqual(ids.toSorted());
});

test("a ledger that hangs holds up a job that was leased with a unique one for 3 s at most", async () => {
  const store = outage();
  const jobs = await store.open();
  [store.fails, store.hangs] = ["reads", true];
  await jobs.enqueue(sync, { shop: "a", n: 1 });
  await jobs.enqueue(sync, { shop: "b", n: 2 }, { unique: false });
  await jobs.worker({ jobs: [sync], shutdown: { drain: 0, abort: 0, close: 100 } }).start();
  await expect.poll(() => ran, { timeout: 4_500 }).toEqual([2]);
});
