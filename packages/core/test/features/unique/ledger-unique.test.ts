import { afterEach, expect, test } from "vitest";
import { connect, defineJob, type Jobs, WaybillError } from "../../../src/index.ts";
import type { Backend } from "../../../src/backend/contract.ts";
import type { LedgerBackend } from "../../../src/backend/ledger.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { type TestJobs, testJobs } from "../../../src/testing/index.ts";

const ran: unknown[] = [];
const sync = defineJob<{ shop: string; n: number }>({
  type: "shop.sync",
  unique: { by: ({ shop }) => shop },
  handler: ({ n }) => void ran.push(n),
});
const waits = defineJob<{ shop: string; n: number }>({
  type: "shop.index",
  unique: { by: ({ shop }) => shop, until: "start" },
  handler: ({ n }) => void ran.push(n),
});

const monthly = defineJob<{ shop: string }>({
  type: "shop.monthly",
  unique: { by: ({ shop }) => shop },
  errors: [{ error: "Error", do: "retry", delay: "30d" }],
  handler() {
    throw new Error("not this month");
  },
});

const open: Pick<Jobs, "close">[] = [];
afterEach(async () => {
  ran.length = 0;
  for (const jobs of open.splice(0)) await jobs.close();
});

/** Like SQS, which keeps no keys, with a ledger in memory beside it. */
async function borrowing(): Promise<TestJobs> {
  const jobs = await testJobs({ jobs: [sync, waits], like: "sqs", ledger: "memory:" });
  open.push(jobs);
  return jobs;
}

/** A backend that keeps no keys, and has a ledger of its own. */
async function keyless(change: (good: Backend) => Partial<LedgerBackend> = () => ({})): Promise<Jobs> {
  const factory = memoryBackend({ capabilities: { uniqueKeys: false } });
  const jobs = await connect(
    async () => {
      const backend = await factory();
      return { ...backend, ...change(backend) };
    },
    { jobs: [sync, waits, monthly], log: "off" },
  );
  open.push(jobs);
  return jobs;
}

test("a backend that keeps no keys takes unique jobs with a ledger, and frees the key at the end", async () => {
  const jobs = await borrowing();
  const first = await jobs.enqueue(sync, { shop: "a", n: 1 });
  await jobs.enqueue(sync, { shop: "b", n: 2 });
  await expect(jobs.enqueue(sync, { shop: "a", n: 3 })).rejects.toMatchObject({
    code: "DUPLICATE_JOB",
    duplicateOf: first.id,
  });
  await jobs.drain();
  expect(ran).toEqual([1, 2]);
  await jobs.enqueue(sync, { shop: "a", n: 4 });
  await jobs.drain();
  expect(ran).toEqual([1, 2, 4]);
});

test("a job that was replaced stays in its queue, and is removed when it is delivered", async () => {
  const jobs = await borrowing();
  const receipts = [];
  for (const n of [1, 2, 3]) {
    receipts.push(await jobs.enqueue(sync, { shop: "a", n }, { unique: { onConflict: "replace" }, delay: `${n}m` }));
  }
  expect(receipts.map(({ replaced }) => replaced)).toEqual([undefined, receipts[0]?.id, receipts[1]?.id]);
  await jobs.advance("10m");
  expect(ran).toEqual([3]);
  expect(await jobs.inspector?.counts()).toEqual([]);
});

test("two jobs of one turn that replace a job which waits each name the one whose place they took", async () => {
  const jobs = await borrowing();
  const replace = { unique: { onConflict: "replace" } } as const;
  const before = await jobs.enqueue(sync, { shop: "a", n: 1 });
  const [first, second] = await Promise.all([2, 3].map((n) => jobs.enqueue(sync, { shop: "a", n }, replace)));
  expect([first?.replaced, second?.replaced]).toEqual([before.id, first?.id]);
  await jobs.drain();
  expect(ran).toEqual([3]);
});

test("an enqueue that died before it stored its job takes the key for 30 s, and no longer", async () => {
  let dies = true;
  const jobs = await keyless((good) => ({
    enqueue: (messages) => (dies ? Promise.reject(new Error("the process is gone")) : good.enqueue(messages)),
  }));
  const { moveClock } = await import("../../../src/time/clock.ts");
  const died = await jobs.enqueue(sync, { shop: "a", n: 1 }).catch((error: unknown) => error);
  expect(died).toMatchObject({ code: "ENQUEUE_UNKNOWN" });
  dies = false;
  const { id } = died as { id: string };
  await expect(jobs.enqueue(sync, { shop: "a", n: 2 })).rejects.toMatchObject({
    code: "DUPLICATE_JOB",
    duplicateOf: id,
  });
  const back = moveClock(31_000);
  expect((await jobs.enqueue(sync, { shop: "a", n: 3 })).stored).toBe(true);
  back();
});

test("an enqueue that died while it replaced a job loses neither: the job that waits runs", async () => {
  let dies = false;
  const jobs = await keyless((good) => ({
    enqueue: (messages) => (dies ? Promise.reject(new Error("the process is gone")) : good.enqueue(messages)),
  }));
  await jobs.enqueue(sync, { shop: "a", n: 1 });
  dies = true;
  await jobs.enqueue(sync, { shop: "a", n: 2 }, { unique: { onConflict: "replace" } }).catch(() => {});
  dies = false;
  const worker = jobs.worker({ jobs: [sync] });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  await worker.start();
  await settled;
  expect(ran).toEqual([1]);
  expect((await jobs.enqueue(sync, { shop: "a", n: 3 })).stored).toBe(true);
});

test("a job whose store was refused for certain frees its key at once, and the one that it would have replaced has it", async () => {
  let limit = Infinity;
  const jobs = await keyless((good) => ({
    enqueue: async (messages) =>
      (await good.enqueue(messages.filter(({ body }) => body.length < limit))).length === messages.length
        ? messages.map(({ id }) => ({ ok: true, value: { id, stored: true } }))
        : messages.map(({ id }) => ({
            ok: false,
            error: Object.assign(new Error(id), { code: "BACKEND_FULL" }) as never,
          })),
  }));
  const first = await jobs.enqueue(sync, { shop: "a", n: 1 });
  limit = 0;
  await jobs.enqueue(sync, { shop: "b", n: 1 }).catch(() => {});
  await jobs.enqueue(sync, { shop: "a", n: 2 }, { unique: { onConflict: "replace" } }).catch(() => {});
  limit = Infinity;
  expect((await jobs.enqueue(sync, { shop: "b", n: 2 })).stored).toBe(true);
  await expect(jobs.enqueue(sync, { shop: "a", n: 3 })).rejects.toMatchObject({ duplicateOf: first.id });
});

test.each([
  ["refused", "BACKEND_FULL"],
  ["of an unknown result", "BACKEND_UNAVAILABLE"],
])("a key that is taken for an hour ends after it, also where a replacement of its job was %s", async (_, code) => {
  let isFailing = false;
  const jobs = await keyless((good) => ({
    enqueue: async (messages) =>
      isFailing
        ? messages.map(() => ({ ok: false, error: new WaybillError(code as "BACKEND_FULL", "not now") }))
        : good.enqueue(messages),
  }));
  const { moveClock } = await import("../../../src/time/clock.ts");
  const hour = { delay: "3h", unique: { until: "1h", onConflict: "replace" } } as const;
  await jobs.enqueue(sync, { shop: "a", n: 1 }, hour);
  isFailing = true;
  await expect(jobs.enqueue(sync, { shop: "a", n: 2 }, hour)).rejects.toThrow();
  isFailing = false;
  const back = moveClock(3_660_000);
  const { stored, replaced } = await jobs.enqueue(sync, { shop: "a", n: 3 }, hour);
  back();
  expect([stored, replaced]).toEqual([true, undefined]);
});

test("a job that another program put into the queue is a dead letter while its key is taken", async () => {
  const backends: Backend[] = [];
  const jobs = await keyless((good) => (backends.push(good), {}));
  await jobs.enqueue(sync, { shop: "a", n: 1 }, { delay: "1h" });
  const id = crypto.randomUUID();
  const dedupe = { key: "a" };
  const body = JSON.stringify({ spec: "waybill/1", id, type: sync.type, args: [{ shop: "a", n: 2 }], dedupe });
  const label = { id, type: sync.type, queue: "default", delayMs: 0, priority: 0, tenant: null, signature: null };
  await backends[0]?.enqueue([{ ...label, body }]);
  const rejected = new Promise((resolve) => jobs.events.on("rejected", resolve));
  await jobs.worker({ jobs: [sync] }).start();
  const message = expect.stringMatching(
    /was not run: job .* has its unique key; replay the dead letter once the key is free$/,
  );
  expect(await rejected).toMatchObject({ id, reason: { code: "DUPLICATE_JOB", message } });
  await expect(jobs.inspector?.replay()).rejects.toMatchObject({
    code: "DUPLICATE_JOB",
    id,
    message: expect.stringMatching(/was not replayed: .*; replay the dead letter once/),
  });
  expect(ran).toEqual([]);
});

test("while the ledger is away, unique jobs are refused and not stored, and others are stored", async () => {
  let isAway = false;
  const factory = memoryBackend({ capabilities: { uniqueKeys: false } });
  const jobs = await connect(
    async () => {
      const { ledger, ...backend } = await factory();
      const away = () => Promise.reject(new Error("away"));
      const commit: typeof ledger.commit = (changes) => (isAway ? away() : ledger.commit(changes));
      return { ...backend, ledger: { ...ledger, commit } };
    },
    { log: "off" },
  );
  open.push(jobs);
  isAway = true;
  await expect(jobs.enqueue(sync, { shop: "a", n: 1 })).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  expect((await jobs.enqueue(sync, { shop: "a", n: 1 }, { unique: false })).stored).toBe(true);
  isAway = false;
  expect((await jobs.enqueue(sync, { shop: "a", n: 2 })).stored).toBe(true);
});

test("until the start, one waits while one runs, also where a ledger keeps the keys", async () => {
  const chain = defineJob<number>({
    type: "chain",
    unique: { by: () => "one", until: "start" },
    async handler(n) {
      ran.push(n);
      if (n === 3) return;
      await jobs.enqueue(chain, n + 1);
      await expect(jobs.enqueue(chain, 9)).rejects.toMatchObject({ code: "DUPLICATE_JOB" });
    },
  });
  const jobs: TestJobs = await testJobs({ jobs: [chain], like: "rabbitmq", ledger: "memory:" });
  open.push(jobs);
  await jobs.enqueue(chain, 1);
  expect((await jobs.drain()).map(({ outcome }) => outcome)).toEqual(["completed", "completed", "completed"]);
  expect(ran).toEqual([1, 2, 3]);
});

test("a job that cannot be judged is released until that succeeds, and holds up none that was leased with it", async () => {
  let isAway = true;
  let refusals = 2;
  const jobs = await keyless((good) => ({
    ledger: {
      ...(good as LedgerBackend).ledger,
      read: (keys) =>
        isAway && keys.some((key) => key.includes("shop.sync"))
          ? Promise.reject(new Error("the ledger is away"))
          : (good as LedgerBackend).ledger.read(keys),
    },
    retry: (lease, request) =>
      refusals-- > 0 ? Promise.reject(new Error("no release now")) : good.retry(lease, request),
  }));
  await jobs.enqueue(sync, { shop: "a", n: 1 });
  await jobs.enqueue(waits, { shop: "a", n: 2 });
  await jobs.worker({ jobs: [sync, waits], lease: "1h" }).start();
  await expect.poll(() => ran).toEqual([2]);
  isAway = false;
  await expect.poll(() => ran, { timeout: 10_000 }).toEqual([2, 1]);
  expect(refusals).toBeLessThan(0);
});

test("a key that cannot be freed is not tried again once the connection is closed", async () => {
  let tries = 0;
  const jobs = await keyless((good) => {
    const { ledger } = good as LedgerBackend;
    const commit: typeof ledger.commit = (changes) => {
      if (!changes.some(({ key, value }) => key.includes("shop.sync") && value === null)) return ledger.commit(changes);
      tries += 1;
      return Promise.reject(new Error("the ledger is away"));
    };
    return { ledger: { ...ledger, commit } };
  });
  await jobs.enqueue(sync, { shop: "a", n: 1 });
  await jobs.worker({ jobs: [sync] }).start();
  await expect.poll(() => tries).toBe(1);
  await jobs.close();
  const before = tries;
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(tries).toBe(before);
});

test("a damaged record of a key makes its job a dead letter that says which record to delete, and the job can then be replayed", async () => {
  const backends: LedgerBackend[] = [];
  const jobs = await keyless((good) => (backends.push(good as LedgerBackend), {}));
  const [{ ledger }] = backends as [LedgerBackend];
  await jobs.enqueue(sync, { shop: "a", n: 1 });
  const key = (await ledger.list({ prefix: "unique/key/", limit: 1 }))[0]?.key as string;
  await ledger.commit([{ key, ifVersion: "any", value: "{damaged" }]);
  await expect(jobs.enqueue(sync, { shop: "a", n: 2 })).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringContaining(`the ledger record "${key}" is damaged`),
  });
  const rejected = new Promise((resolve) => jobs.events.on("rejected", resolve));
  await jobs.worker({ jobs: [sync] }).start();
  const reason = { code: "DEAD_LETTERED", message: expect.stringContaining(`"${key}" is damaged`) };
  expect(await rejected).toMatchObject({ reason });
  await expect(jobs.inspector?.replay()).rejects.toThrow(`"${key}" is damaged`);
  await ledger.commit([{ key, ifVersion: "any", value: null }]);
  await jobs.inspector?.replay();
  await expect.poll(() => ran).toEqual([1]);
});

const DAY_MS = 86_400_000;

test.each([
  ["refused", "BACKEND_FULL"],
  ["of an unknown result", "BACKEND_UNAVAILABLE"],
])("a job that waits for long keeps its key as long, also where a replacement of it was %s", async (_, code) => {
  let isFailing = false;
  const jobs = await keyless((good) => ({
    enqueue: async (messages) =>
      isFailing
        ? messages.map(() => ({ ok: false, error: new WaybillError(code as "BACKEND_FULL", "not now") }))
        : good.enqueue(messages),
  }));
  const { moveClock } = await import("../../../src/time/clock.ts");
  const { id } = await jobs.enqueue(sync, { shop: "a", n: 1 }, { delay: "30d" });
  isFailing = true;
  await expect(jobs.enqueue(sync, { shop: "a", n: 2 }, { unique: { onConflict: "replace" } })).rejects.toThrow();
  isFailing = false;
  const back = moveClock(29 * DAY_MS);
  const refused = await jobs.enqueue(sync, { shop: "a", n: 3 }).catch((error: unknown) => error);
  back();
  expect(refused).toMatchObject({ code: "DUPLICATE_JOB", duplicateOf: id });
});

test("a job whose next attempt is far away keeps its key until then", async () => {
  const jobs = await keyless();
  const { moveClock } = await import("../../../src/time/clock.ts");
  const retried = new Promise((resolve) => jobs.events.on("settled", resolve));
  const { id } = await jobs.enqueue(monthly, { shop: "a" });
  const worker = jobs.worker({ jobs: [monthly] });
  await worker.start();
  expect(await retried).toMatchObject({ outcome: "retry" });
  await worker.stop();
  const back = moveClock(29 * DAY_MS);
  const refused = await jobs.enqueue(monthly, { shop: "a" }).catch((error: unknown) => error);
  back();
  expect(refused).toMatchObject({ code: "DUPLICATE_JOB", duplicateOf: id });
});
