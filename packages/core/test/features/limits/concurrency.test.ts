import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { defineJob, type JobDefinition, type JobOptions } from "../../../src/index.ts";
import type { Ledger, LedgerBackend } from "../../../src/exports/backend.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf, memoryWith, settledCount, soon } from "../../helpers/connected.ts";

const modes = { "counted by the backend": {}, "counted in the ledger": { keyConcurrency: false } };

/** A job that runs for some milliseconds, and the most of each account that ran at once. */
function counted(ms: number, options: Partial<JobOptions<{ account: string }>> = {}) {
  const running = new Map<string, number>();
  const most = new Map<string, number>();
  const job = defineJob<{ account: string }>({
    type: "crm.sync",
    limits: [{ key: ({ account }) => account, concurrency: 1 }],
    ...options,
    async handler({ account }) {
      const now = (running.get(account) ?? 0) + 1;
      running.set(account, now);
      most.set(account, Math.max(most.get(account) ?? 0, now));
      await sleep(ms);
      running.set(account, (running.get(account) ?? 0) - 1);
    },
  } as JobOptions<{ account: string }>);
  return { job, most };
}

describe.each(Object.entries(modes))("a concurrency limit, %s", (_, capabilities) => {
  test("never more jobs of a key run than its number, in three workers, and all run", { timeout: 30_000 }, async () => {
    const { job, most } = counted(5);
    const open = memoryBackend({ capabilities });
    const all = await Promise.all([1, 2, 3].map(() => connected(open)));
    let settled = 0;
    const done = soon(
      new Promise<void>((resolve) => {
        for (const jobs of all)
          jobs.events.on("settled", ({ outcome }) => void (outcome === "completed" && ++settled === 40 && resolve()));
      }),
      () => `${settled} of 40 were completed`,
    );
    for (let n = 0; n < 40; n++) await all[0]?.enqueue(job, { account: n % 4 === 0 ? "hot" : `a${n % 8}` });
    for (const jobs of all) await jobs.worker({ jobs: [job], concurrency: 8 }).start();
    await done;
    expect([...most.values()].every((value) => value === 1)).toBe(true);
  });

  test("jobs without the limit run beside a full key", async () => {
    const { job } = counted(3_000);
    const quick = defineJob({ type: "quick", handler: () => undefined });
    const jobs = await connected(memoryBackend({ capabilities }));
    for (let n = 0; n < 20; n++) await jobs.enqueue(job, { account: "hot" });
    await jobs.enqueue(quick, {});
    const ran = eventOf(jobs, "settled", ({ type, outcome }) => type === "quick" && outcome === "completed");
    await jobs.worker({ jobs: [job, quick], concurrency: 2, shutdown: { drain: 0, abort: 0 } }).start();
    expect(await ran).toMatchObject({ attempt: 1 });
  });

  test("R34: no more jobs of a queue run than its number, over two workers", async () => {
    const { job, most } = counted(20, { limits: [] });
    const open = memoryBackend({ capabilities });
    const [one, two] = [await connected(open), await connected(open)];
    for (let n = 0; n < 6; n++) await one.enqueue(job, { account: "any" });
    const queues = { default: { concurrency: 2 } };
    let completed = 0;
    const done = soon(
      new Promise<void>((resolve) => {
        for (const jobs of [one, two])
          jobs.events.on("settled", ({ outcome }) => void (outcome === "completed" && ++completed === 6 && resolve()));
      }),
      () => `${completed} of 6 were completed`,
    );
    for (const jobs of [one, two]) await jobs.worker({ jobs: [job], queues }).start();
    await done;
    expect(most.get("any")).toBeLessThanOrEqual(2);
  });
});

test("a job whose key is full in the ledger is released uncounted, and says why", async () => {
  const { job } = counted(2_000);
  const jobs = await connected(memoryBackend({ capabilities: { keyConcurrency: false } }));
  const released = eventOf(jobs, "settled", ({ outcome }) => outcome === "release");
  for (let n = 0; n < 2; n++) await jobs.enqueue(job, { account: "acme" });
  await jobs.worker({ jobs: [job], shutdown: { drain: 0, abort: 0 } }).start();
  expect(await released).toMatchObject({
    attempt: 1,
    reason: {
      code: "LIMIT_FULL",
      message: 'limit "crm.sync" with the key "acme" has no free slot',
    },
  });
});

test("a slot of a worker that has died is free once its lease has run out, and no sooner", async () => {
  const open = memoryBackend({ capabilities: { keyConcurrency: false } });
  const { ledger } = (await open()) as LedgerBackend;
  const before = performance.now();
  await ledger.commit([{ key: "limit/crm.sync/acme/0", ifVersion: "absent", value: "dead", expiresInMs: 700 }]);
  const { job } = counted(1);
  const jobs = await connected(open);
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await jobs.enqueue(job, { account: "acme" });
  await jobs.worker({ jobs: [job] }).start();
  await completed;
  expect(performance.now() - before).toBeGreaterThan(690);
});

test("a job longer than its lease keeps its slot", { timeout: 30_000 }, async () => {
  const { job, most } = counted(2_000);
  const open = memoryBackend({ capabilities: { keyConcurrency: false } });
  const jobs = await connected(open);
  const two = settledCount(jobs, 2);
  for (let n = 0; n < 2; n++) await jobs.enqueue(job, { account: "acme" });
  await jobs.worker({ jobs: [job], lease: "1500ms" }).start();
  await two;
  expect(most.get("acme")).toBe(1);
});

test("while the ledger is away, jobs without limits run, and those with limits wait uncounted and run once it is back", async () => {
  let isAway = true;
  const away = memoryWith(
    (backend) => {
      const { ledger } = backend as LedgerBackend;
      const failing: Ledger = {
        ...ledger,
        read: (keys) => (isAway ? Promise.reject(new Error("connection refused")) : ledger.read(keys)),
        commit: (changes) => (isAway ? Promise.reject(new Error("connection refused")) : ledger.commit(changes)),
      };
      return { ledger: failing } as object;
    },
    { capabilities: { keyConcurrency: false } },
  );
  const { job } = counted(1);
  const plain = defineJob({ type: "plain", handler: () => undefined });
  const jobs = await connected(away);
  const plainRan = eventOf(jobs, "settled", ({ type }) => type === "plain");
  const released = eventOf(jobs, "settled", ({ reason }) => reason?.code === "LIMITS_UNAVAILABLE");
  const unavailable = eventOf(jobs, "unavailable");
  await jobs.enqueue(job, { account: "acme" });
  await jobs.enqueue(plain, {});
  await jobs.worker({ jobs: [job, plain] }).start();
  expect(await released).toMatchObject({ outcome: "release", attempt: 1 });
  expect((await unavailable).message).toContain("connection refused");
  await plainRan;
  isAway = false;
  expect(
    await eventOf(jobs, "settled", ({ outcome, type }) => type === "crm.sync" && outcome === "completed"),
  ).toMatchObject({ attempt: 1 });
});

test(
  "a ledger that hangs holds up jobs without limits for 2 s at most, and a slot that is taken late is freed",
  { timeout: 20_000 },
  async () => {
    const { promise: back, resolve: comeBack } = Promise.withResolvers<void>();
    const hanging = memoryWith(
      (backend) => {
        const { ledger } = backend as LedgerBackend;
        const commit: Ledger["commit"] = async (changes) => {
          if (changes.some(({ key, value }) => key.startsWith("limit/") && value !== null)) await back;
          return ledger.commit(changes);
        };
        return { ledger: { ...ledger, commit } } as object;
      },
      { capabilities: { keyConcurrency: false } },
    );
    const { job } = counted(1);
    const plain = defineJob({ type: "plain", handler: () => undefined });
    const jobs = await connected(hanging);
    const plainRan = eventOf(jobs, "settled", ({ type }) => type === "plain");
    let released = 0;
    jobs.events.on("settled", ({ reason }) => void (reason?.code === "LIMITS_UNAVAILABLE" && released++));
    for (let n = 0; n < 8; n++) await jobs.enqueue(job, { account: "acme" });
    await jobs.enqueue(plain, {});
    const since = performance.now();
    await jobs.worker({ jobs: [job, plain], concurrency: 2, lease: "1h" }).start();
    await plainRan;
    expect(performance.now() - since).toBeLessThan(4_000);
    expect(released).toBeGreaterThanOrEqual(7);
    comeBack();
    const done = eventOf(jobs, "settled", ({ type, outcome }) => type === "crm.sync" && outcome === "completed");
    expect(await done).toMatchObject({ attempt: 1 });
  },
);

describe("limits that cannot be kept are refused when the worker is made", () => {
  const bare = (capabilities: object): ReturnType<typeof memoryWith> =>
    memoryWith(() => ({ ledger: undefined }) as object, { capabilities });
  const limited = (limits: JobOptions<unknown>["limits"], type = "crm.sync"): JobDefinition =>
    defineJob({ type, limits, handler: () => undefined } as JobOptions<unknown>);

  test.each([
    ["concurrency", [{ concurrency: 1 }]],
    ["a rate", [{ rate: "1/1s" }]],
  ] as const)("%s without keys in the backend and without a ledger", async (_, limits) => {
    const jobs = await connected(async (context) => {
      const { ledger: __, ...rest } = (await bare({ keyConcurrency: false })(context)) as LedgerBackend;
      return rest;
    });
    expect(() => jobs.worker({ jobs: [limited(limits)] })).toThrow(
      'limit "crm.sync" needs a ledger, which this backend does not have; give the connection one',
    );
  });

  test("two numbers for one limit", async () => {
    const jobs = await connected();
    const list = [
      limited([{ name: "api", concurrency: 1 }], "a.one"),
      limited([{ name: "api", concurrency: 2 }], "a.two"),
    ];
    expect(() => jobs.worker({ jobs: list })).toThrow(
      'limit "api" is concurrency 1 in "a.one" and concurrency 2 in "a.two"; give both the same number, or another name',
    );
  });

  test("a backend that counts releases as attempts", async () => {
    const jobs = await connected(memoryBackend({ capabilities: { keyConcurrency: false, countsDeliveries: true } }));
    expect(() => jobs.worker({ jobs: [limited([{ concurrency: 1 }])] })).toThrow(
      'limit "crm.sync" would use up the attempts',
    );
    expect(() => jobs.worker({ jobs: [limited([])], queues: { default: { rate: "1/1s" } } })).toThrow(
      'the limit of queue "default" would use up the attempts',
    );
  });

  test("tenant fairness where the backend leases jobs in their order", async () => {
    const jobs = await connected();
    expect(() => jobs.worker({ jobs: [limited([])], queues: { default: { tenantFairness: true } } })).toThrow(
      'queue "default" has tenantFairness, which this backend refuses',
    );
    const fair = await connected(memoryBackend({ capabilities: { fairTenants: true } }));
    fair.worker({ jobs: [limited([])], queues: { default: { tenantFairness: true } } });
  });

  test.each([
    [{ default: { tenantFairness: 1 } }, "true or false"],
    [{ default: { concurrency: 0 } }, 'concurrency of queue "default" is 0'],
    [{ default: { rate: "often" } }, 'the rate of queue "default" is "often"'],
    [{ default: { burst: 3 } }, 'queue "default" has a burst without a rate; add one, as in { rate: "100/1s"'],
    [{ default: { concurrency: 5, burst: 3 } }, 'queue "default" has a burst without a rate'],
    [{ default: { limit: 3 } }, '"limit"'],
    [{ default: { weight: 0 } }, 'the weight of queue "default" is 0'],
  ])("a queue with %o", async (queues, said) => {
    const jobs = await connected();
    expect(() => jobs.worker({ jobs: [limited([])], queues: queues as never })).toThrow(said);
  });
});
