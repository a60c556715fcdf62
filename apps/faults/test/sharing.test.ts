/** What holds when programs that know nothing of each other share a store: an old and a new worker, two producers. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, type JobDefinition, type Jobs, newId, type OutcomeEvent } from "@waybill/core";
import { afterAll, describe, test } from "vitest";
import { type FaultTarget, targets } from "../src/backends.ts";
import { sharedStore } from "./stores.ts";

const open = new Set<Jobs>();

afterAll(() => Promise.all([...open].map((jobs) => jobs.close())));

/** As another process would have it. */
async function connected(target: FaultTarget): Promise<Jobs> {
  const jobs = await connect((await sharedStore(target)).url, { log: "off" });
  open.add(jobs);
  return jobs;
}

/** Starts a worker. Returns a list to which its outcomes are added. */
async function working(jobs: Jobs, queue: string, definitions: readonly JobDefinition[]): Promise<OutcomeEvent[]> {
  const outcomes: OutcomeEvent[] = [];
  jobs.events.on("settled", (event) => outcomes.push(event));
  await jobs.worker({ jobs: definitions, queues: [queue], concurrency: 10 }).start();
  return outcomes;
}

const noop = (): void => undefined;

/** In parallel, because most of each is waiting. */
describe.concurrent.each(targets)("on $name", (target) => {
  test("R32, R62: an old worker releases a job that is too new for it, and a new one runs it, its attempt unspent", async ({
    expect,
  }) => {
    const queue = "r32";
    const [old, fresh] = [await connected(target), await connected(target)];
    const oldDoes = await working(old, queue, [defineJob({ type: "changed", handler: noop })]);
    const changed = defineJob({ type: "changed", version: 2, handler: noop });
    const added = defineJob({ type: "added", handler: noop });
    const ids = [await fresh.enqueue(changed, {}, { queue }), await fresh.enqueue(added, {}, { queue })].map(
      ({ id }) => id,
    );
    await expect.poll(() => oldDoes.map(({ id }) => id).sort(), { timeout: 20_000 }).toEqual(ids.toSorted());
    for (const { outcome, reason } of oldDoes) {
      expect({ outcome, code: reason?.code }).toEqual({ outcome: "release", code: "JOB_UNKNOWN" });
    }
    await old.close();
    const newDoes = await working(fresh, queue, [changed, added]);
    await expect.poll(() => newDoes.map(({ id }) => id).sort(), { timeout: 40_000 }).toEqual(ids.toSorted());
    const releases = fresh.backend.capabilities.countsReleases ? 1 : 0;
    for (const event of newDoes) expect(event).toMatchObject({ outcome: "completed", attempt: 1, lost: 0, releases });
  }, 90_000);

  // RabbitMQ shows unacknowledged deliveries to no other connection. The tests of killed workers cover it.
  if (target.name !== "rabbitmq") {
    test("R40: a job that is leased stays in the store until it is settled, and no lease is a pop", async ({
      expect,
    }) => {
      const queue = "r40";
      const [worker, looker] = [await connected(target), await connected(target)];
      let finish = (): void => undefined;
      const job = defineJob({ type: "waits", handler: () => new Promise<void>((resolve) => (finish = resolve)) });
      const started = new Promise((resolve) => worker.events.on("started", resolve));
      await working(worker, queue, [job]);
      await looker.enqueue(job, {}, { queue });
      await started;
      const counts = async () =>
        ((await looker.inspector?.counts([queue])) ?? [])
          .filter((one) => one.queue === queue)
          .map(({ ready, leased }) => ready + leased);
      // SQS counts what it has a moment later.
      await expect.poll(counts, { timeout: 20_000 }).toEqual([1]);
      finish();
      await expect.poll(async () => (await counts()).reduce((sum, one) => sum + one, 0), { timeout: 20_000 }).toBe(0);
    }, 60_000);
  }

  if (!target.uniqueIds) {
    test("the same id enqueued twice is two jobs, and one worker never runs the two at once", async ({ expect }) => {
      const queue = "twice";
      const [one, two, worker] = [await connected(target), await connected(target), await connected(target)];
      let [runningNow, most] = [0, 0];
      const job = defineJob({
        type: "twice",
        async handler() {
          most = Math.max(most, ++runningNow);
          await sleep(300);
          runningNow -= 1;
        },
      });
      const body = bodyFor(queue, newId());
      await Promise.all([one, two].map((jobs) => jobs.enqueueBody(body)));
      const outcomes = await working(worker, queue, [job]);
      const completed = (): number => outcomes.filter(({ outcome }) => outcome === "completed").length;
      await expect.poll(completed, { timeout: 40_000 }).toBe(2);
      expect(most).toBe(1);
    }, 90_000);
    return;
  }

  test("R46: the same id delivered twice at once, by two producers to two workers, has its effect once", async ({
    expect,
  }) => {
    const queue = "r46";
    const producers = [await connected(target), await connected(target)];
    const effects: string[] = [];
    let openGate = noop;
    const gate = new Promise<void>((resolve) => (openGate = resolve));
    const job = defineJob({
      type: "twice",
      async handler(_, { id }) {
        effects.push(id);
        await gate;
      },
    });
    const does = [
      await working(await connected(target), queue, [job]),
      await working(await connected(target), queue, [job]),
    ];
    const ids = Array.from({ length: 20 }, newId);
    const store = () => ids.map((id) => producers.map((jobs) => jobs.enqueueBody(bodyFor(queue, id))));
    const receipts = await Promise.all(store().map((both) => Promise.all(both)));
    expect(receipts.map((both) => both.filter(({ stored }) => stored).length)).toEqual(ids.map(() => 1));
    await expect.poll(() => effects.toSorted(), { timeout: 20_000 }).toEqual(ids.toSorted());
    // All of them are running now; their ids are taken still.
    for (const both of await Promise.all(store().map((calls) => Promise.all(calls)))) {
      expect(both).toMatchObject([{ stored: false }, { stored: false }]);
    }
    openGate();
    await expect.poll(() => does.flat().length, { timeout: 20_000 }).toBe(ids.length);
    await sleep(300);
    expect(effects.toSorted()).toEqual(ids.toSorted());
    expect((await producers[0]?.inspector?.counts())?.find((counts) => counts.queue === queue)?.ready ?? 0).toBe(0);
  }, 90_000);
});

const bodyFor = (queue: string, id: string): string =>
  JSON.stringify({ spec: "waybill/1", id, type: "twice", queue, args: [{}] });
