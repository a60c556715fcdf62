import type { JobControl, JobQuery, StoredJob } from "@waybill/core/backend";
import { Queue } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import { freshPrefix, lease, message, open, redisClient } from "../redis.ts";

const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id);

/** Every page; `between` runs after each but the last. */
async function all(
  control: JobControl,
  query: JobQuery,
  between = async (): Promise<unknown> => null,
): Promise<StoredJob[]> {
  const found: StoredJob[] = [];
  for (let after: string | undefined; ; await between()) {
    const page = await control.list({ ...query, ...(after !== undefined && { after }) });
    found.push(...page.jobs);
    if (page.next === null) return found;
    after = page.next;
  }
}

test("jobs that move to a place which was read already are listed once", async () => {
  const backend = await open({ prefix: freshPrefix() });
  const delayed = [1, 2, 3, 4, 5].map((at) => message({ delayMs: 60_000 + at }));
  const ready = [1, 2, 3, 4, 5].map(() => message());
  await backend.enqueue([...delayed, ...ready]);
  const moves = [
    async () => backend.jobControl.reschedule(idsOf(delayed.slice(3)), 0),
    async () => {
      for (const one of await lease(backend, { limit: 3 }))
        await backend.retry(one, { delayMs: 0, countsAttempt: true });
    },
    async () => lease(backend, { limit: 4, leaseMs: 50_000 }),
  ];
  const found = await all(backend.jobControl, { limit: 3 }, async () => moves.shift()?.());
  expect(idsOf(found).toSorted()).toEqual(idsOf([...delayed, ...ready]).toSorted());
});

test("a list goes on where it was, on another connection, also among many jobs of one moment", async () => {
  const prefix = freshPrefix();
  const [backend, other] = [await open({ prefix }), await open({ prefix })];
  const redis = await redisClient();
  const ids = Array.from({ length: 1_100 }, (_, index) => `dead-${index}`);
  const pipeline = redis.pipeline().sadd(`${prefix}:queues`, "default");
  for (const id of ids) {
    pipeline.hset(`${prefix}:default:${id}`, { name: "mail.send", data: "{}", timestamp: 1, finishedOn: 2 });
    pipeline.zadd(`${prefix}:default:failed`, 7, id);
  }
  await pipeline.exec();
  const pages: StoredJob[] = [];
  let after: string | null = null;
  for (const control of [backend.jobControl, other.jobControl, backend.jobControl, other.jobControl]) {
    const page = await control.list({ state: "dead", limit: 300, ...(after !== null && { after }) });
    pages.push(...page.jobs);
    after = page.next;
    // The place is found again without the job that it names.
    await redis.zrem(`${prefix}:default:failed`, page.jobs.at(-1)?.id ?? "");
  }
  expect(after).toBeNull();
  expect(idsOf(pages)).toEqual(ids.toSorted());
});

test("jobs that BullMQ's own tools added are listed, changed and cancelled, and its tools see the changes", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix });
  const own = message({ tenant: "acme" });
  await backend.enqueue([own]);
  const queue = new Queue("default", { connection: await redisClient(), prefix });
  onTestFinished(() => queue.close());
  const { id = "" } = await queue.add("send", { to: "Ada" });
  const { jobs } = await backend.jobControl.list({});
  expect(jobs.map((job) => [job.id, job.type, job.state, job.tenant])).toEqual([
    [own.id, "test.job", "ready", "acme"],
    [id, "send", "ready", null],
  ]);
  expect(await backend.jobControl.reschedule([id, own.id], 60_000)).toEqual(["done", "done"]);
  expect((await queue.getDelayed()).map((job) => job.id).toSorted()).toEqual([id, own.id].toSorted());
  expect(await backend.jobControl.reschedule([id, own.id], 0)).toEqual(["done", "done"]);
  expect(await queue.getJobCounts("wait", "prioritized", "delayed")).toEqual({ wait: 1, prioritized: 1, delayed: 0 });
  expect(await backend.jobControl.cancel([id])).toEqual(["done"]);
  expect(await queue.getJob(id)).toBeUndefined();
});

test("the time of a rescheduled job is that of its lease, and no time is left of one that is due at once", async () => {
  const backend = await open({ prefix: freshPrefix() });
  const body = '{"a":"x\\",\\"dueAt\\":5}"}';
  const sent = message({ delayMs: 60_000, body, signature: { timestamp: 1, value: "v1,x" } });
  await backend.enqueue([sent]);
  await backend.jobControl.reschedule([sent.id], 1_000);
  const since = Date.now();
  const [first] = await lease(backend, { waitMs: 5_000 });
  expect(Math.abs((first?.dueAt ?? 0) - since)).toBeLessThan(1_200);
  await backend.retry(first as never, { delayMs: 60_000, countsAttempt: false });
  await backend.jobControl.reschedule([sent.id], 0);
  expect(await lease(backend)).toMatchObject([{ dueAt: null, releases: 1, body, signature: sent.signature }]);
});

test("a job that its worker lost can be rescheduled, and is delivered once", async () => {
  const backend = await open({ prefix: freshPrefix() });
  const sent = message();
  await backend.enqueue([sent]);
  await lease(backend, { leaseMs: 30 });
  await expect.poll(() => backend.jobControl.reschedule([sent.id], 0), { timeout: 5_000 }).toEqual(["done"]);
  expect(idsOf(await lease(backend, { waitMs: 2_000 }))).toEqual([sent.id]);
  expect(await lease(backend, { waitMs: 1_500 })).toEqual([]);
});

test("the names of BullMQ's own keys are no jobs, and a cursor that no list returned is refused", async () => {
  const backend = await open({ prefix: freshPrefix() });
  await backend.enqueue([message(), message({ delayMs: 60_000 })]);
  const names = ["prioritized", "delayed", "meta", "events", "marker"];
  expect(await backend.jobControl.cancel(names)).toEqual(names.map(() => "absent"));
  expect((await backend.jobControl.list({ ids: names })).jobs).toEqual([]);
  for (const after of ["nonsense", "", Buffer.from("[1]").toString("base64url")]) {
    await expect(backend.jobControl.list({ after })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  }
});
