/** What holds when programs that know nothing of each other share a store: an old and a new worker, two producers. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type JobDefinition, type Jobs, newId, type OutcomeEvent } from "@waybill/core";
import type { FaultContext } from "../frame/context.ts";
import { timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhere, everywhereBut, type Measured, none, onlyOn, type Scenario } from "../frame/scenario.ts";

const QUEUE = "shared";
const noop = (): void => undefined;

/** Starts a worker. Returns a list to which its outcomes are added. */
async function working(jobs: Jobs, definitions: readonly JobDefinition[]): Promise<OutcomeEvent[]> {
  const outcomes: OutcomeEvent[] = [];
  jobs.events.on("settled", (event) => outcomes.push(event));
  await jobs.worker({ jobs: definitions, queues: [QUEUE], concurrency: 10 }).start();
  return outcomes;
}

/** Polls until `test` holds, then or after `limitMs` asserts that it does. */
async function comes(test: () => boolean | Promise<boolean>, what: string, limitMs = 60_000): Promise<void> {
  for (const until = performance.now() + limitMs; performance.now() < until; await sleep(25)) if (await test()) return;
  assert.ok(await test(), `${what}: not within ${limitMs} ms`);
}

const body = (id: string): string => JSON.stringify({ spec: "waybill/1", id, type: "twice", queue: QUEUE, args: [{}] });

export const newerJobs: Scenario = {
  name: "jobs newer than their worker",
  promise:
    "A job that is too new for a worker, by type or by payload version, is released without an attempt spent, and a newer worker runs it.",
  rows: ["R32", "R62"],
  on: everywhere,
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ freshStore, connected }) {
    const { url } = await freshStore();
    const [old, fresh] = [await connected(url), await connected(url)];
    const oldDoes = await working(old, [defineJob({ type: "changed", handler: noop })]);
    const changed = defineJob({ type: "changed", version: 2, handler: noop });
    const added = defineJob({ type: "added", handler: noop });
    const receipts = [
      await fresh.enqueue(changed, {}, { queue: QUEUE }),
      await fresh.enqueue(added, {}, { queue: QUEUE }),
    ];
    const ids = receipts.map(({ id }) => id).sort();
    const sorted = (events: readonly OutcomeEvent[]): string =>
      [...events]
        .map(({ id }) => id)
        .sort()
        .join();
    await comes(() => sorted(oldDoes) === ids.join(), "the old worker has released both");
    for (const { outcome, reason } of oldDoes) assert.deepEqual([outcome, reason?.code], ["release", "JOB_UNKNOWN"]);
    await old.close();
    const newDoes = await working(fresh, [changed, added]);
    await comes(() => sorted(newDoes) === ids.join(), "the new worker has run both");
    const releases = fresh.backend.capabilities.countsReleases ? 1 : 0;
    for (const event of newDoes)
      assert.deepEqual([event.outcome, event.attempt, event.lost, event.releases], ["completed", 1, 0, releases]);
    const ran = new Set(newDoes.map(({ id }) => id));
    return { accepted: 2, lost: ids.filter((id) => !ran.has(id)), duplicated: 0 };
  },
};

export const leasedJob: Scenario = {
  name: "leased job",
  promise: "A leased job stays in the store until it is settled.",
  rows: ["R40"],
  on: everywhereBut({
    rabbitmq: "it shows unacknowledged deliveries to no other connection; killed workers shows that they stay",
  }),
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ freshStore, connected }) {
    const { url } = await freshStore();
    const [worker, looker] = [await connected(url), await connected(url)];
    let finish = noop;
    const job = defineJob({ type: "waits", handler: () => new Promise<void>((resolve) => (finish = resolve)) });
    const hasStarted = new Promise((resolve) => worker.events.on("started", resolve));
    const does = await working(worker, [job]);
    const { id } = await looker.enqueue(job, {}, { queue: QUEUE });
    await hasStarted;
    const count = async (): Promise<number> =>
      ((await looker.inspector?.counts([QUEUE])) ?? [])
        .filter(({ queue }) => queue === QUEUE)
        .reduce((sum, { ready, leased }) => sum + ready + leased, 0);
    // SQS counts what it has a moment later.
    await comes(async () => (await count()) === 1, "the leased job is counted");
    finish();
    await comes(() => does.length > 0, "the worker has settled it");
    await comes(async () => (await count()) === 0, "the settled job is not");
    return { accepted: 1, lost: does.some((event) => event.id === id) ? [] : [id], duplicated: 0 };
  },
};

export const sameId: Scenario = {
  name: "same id twice",
  promise: "The same id enqueued at once by two producers is one job, while it waits and while it runs.",
  rows: ["R46"],
  on: onlyOn(
    ["sqlite", "bullmq", "postgres"],
    "a broker does not compare ids: same id twice on a broker shows what holds",
  ),
  duplicates: none,
  load: "waits",
  server: "shared",
  run: enqueueTwice,
};

async function enqueueTwice({ freshStore, connected }: FaultContext): Promise<Measured> {
  const { url } = await freshStore();
  const producers = [await connected(url), await connected(url)];
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
  const does = [await working(await connected(url), [job]), await working(await connected(url), [job])];
  const ids = Array.from({ length: 20 }, newId);
  const enqueueAll = () =>
    Promise.all(ids.map((id) => Promise.all(producers.map((jobs) => jobs.enqueueBody(body(id))))));
  for (const both of await enqueueAll())
    assert.equal(both.filter(({ stored }) => stored).length, 1, "one of the two is stored");
  await comes(() => effects.length >= ids.length, "all of them are running");
  // Their ids are taken still.
  for (const both of await enqueueAll())
    assert.deepEqual(
      both.map(({ stored }) => stored),
      [false, false],
      "a running id is taken",
    );
  openGate();
  await comes(() => does.flat().length >= ids.length, "all have ended");
  await sleep(300);
  const counts = (await producers[0]?.inspector?.counts()) ?? [];
  assert.equal(counts.find(({ queue }) => queue === QUEUE)?.ready ?? 0, 0, "none is left");
  const ran = new Set(effects);
  return {
    accepted: ids.length,
    lost: ids.filter((id) => !ran.has(id)),
    duplicated: timesMoreThanOnce(effects),
  };
}

export const sameIdOnBroker: Scenario = {
  name: "same id twice on a broker",
  promise: "The same id enqueued twice is two jobs, and one worker never runs the two at once.",
  rows: [],
  on: onlyOn(["rabbitmq", "sqs"], "ids are unique there: same id twice shows it"),
  duplicates: { most: 1, why: "two jobs of one id" },
  load: "waits",
  server: "shared",
  async run({ freshStore, connected }) {
    const { url } = await freshStore();
    const [one, two, worker] = [await connected(url), await connected(url), await connected(url)];
    let [runningNow, most] = [0, 0];
    const job = defineJob({
      type: "twice",
      async handler() {
        most = Math.max(most, (runningNow += 1));
        await sleep(300);
        runningNow -= 1;
      },
    });
    const id = newId();
    await Promise.all([one, two].map((jobs) => jobs.enqueueBody(body(id))));
    const outcomes = await working(worker, [job]);
    const completed = (): number => outcomes.filter(({ outcome }) => outcome === "completed").length;
    await comes(() => completed() === 2, "both have ended");
    return { accepted: 2, lost: [], duplicated: 1, violations: most === 1 ? [] : [`${most} ran at once`] };
  },
};
