import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { defineJob, type Jobs } from "../../../src/index.ts";
import type { Ledger, LedgerBackend } from "../../../src/backend/ledger.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf, memoryWith, settledCount } from "../../helpers/connected.ts";

const mail = defineJob({ type: "mail.send", handler() {} });
const photo = defineJob({ type: "photo.resize", handler() {} });

async function countOf(jobs: Jobs, queue = "default"): Promise<number> {
  const counts = await jobs.inspector?.counts();
  return counts?.find((count) => count.queue === queue)?.ready ?? 0;
}

test("a worker that starts leases nothing of a paused queue, and all of it once it is resumed", async () => {
  const jobs = await connected();
  await jobs.pause({ queue: "default" });
  const settled = settledCount(jobs, 3);
  for (let count = 0; count < 3; count += 1) await jobs.enqueue(mail, {});
  const paused = eventOf(jobs, "paused");
  await jobs.worker({ jobs: [mail] }).start();
  expect(await paused).toMatchObject({ queue: "default" });
  await sleep(100);
  expect(await countOf(jobs)).toBe(3);
  expect(await jobs.list({ state: "ready" })).toMatchObject({ jobs: [{ attempt: 1 }, { attempt: 1 }, { attempt: 1 }] });
  await jobs.resume({ queue: "default" });
  await settled;
  expect(await countOf(jobs)).toBe(0);
});

test("a queue that another process pauses is left by a worker that waits for its jobs, within a heartbeat", async () => {
  const open = memoryBackend();
  const jobs = await connected(open);
  const other = await connected(open);
  const worker = jobs.worker({ jobs: [mail], queues: ["default", "mailers"], heartbeat: "100ms" });
  await worker.start();
  await sleep(50);
  const paused = eventOf(jobs, "paused");
  await other.pause({ queue: "default" });
  await paused;
  await other.enqueue(mail, {});
  const ran = eventOf(jobs, "settled");
  await other.enqueue(mail, {}, { queue: "mailers" });
  expect(await ran).toMatchObject({ queue: "mailers" });
  expect(await countOf(jobs)).toBe(1);
  const resumed = eventOf(jobs, "settled");
  await other.resume({ queue: "default" });
  expect(await resumed).toMatchObject({ queue: "default", releases: 0 });
});

test("what runs goes on when its queue is paused", async () => {
  const jobs = await connected();
  let finish = (): void => {};
  const slow = defineJob({ type: "slow", handler: () => new Promise<void>((resolve) => (finish = resolve)) });
  const started = eventOf(jobs, "started");
  await jobs.worker({ jobs: [slow] }).start();
  await jobs.enqueue(slow, {});
  await started;
  const paused = eventOf(jobs, "paused");
  await jobs.pause({ queue: "default" });
  await paused;
  const settled = eventOf(jobs, "settled");
  finish();
  expect(await settled).toMatchObject({ outcome: "completed" });
});

test("a paused type stays where it is, and the others of its queue run", async () => {
  const jobs = await connected();
  await jobs.pause({ type: "mail.send" });
  await jobs.enqueue(mail, {});
  const other = eventOf(jobs, "settled");
  await jobs.enqueue(photo, {});
  await jobs.worker({ jobs: [mail, photo] }).start();
  expect(await other).toMatchObject({ type: "photo.resize" });
  expect(await jobs.list()).toMatchObject({ jobs: [{ type: "mail.send", state: "ready" }] });
  const settled = eventOf(jobs, "settled");
  await jobs.resume({ type: "mail.send" });
  expect(await settled).toMatchObject({ type: "mail.send", releases: 0 });
});

test("where the backend cannot leave a type out, its jobs are released with a delay, and no attempt is spent", async () => {
  const jobs = await connected(memoryBackend({ capabilities: { excludesTypes: false } }));
  await jobs.pause({ type: "mail.send" });
  const released = eventOf(jobs, "settled");
  await jobs.enqueue(mail, {});
  await jobs.worker({ jobs: [mail] }).start();
  expect(await released).toMatchObject({ outcome: "release", delayMs: 1_000, reason: { code: "PAUSED" } });
  const settled = eventOf(jobs, "settled");
  await jobs.resume({ type: "mail.send" });
  expect(await settled).toMatchObject({ outcome: "completed", attempt: 1 });
});

test("pauses are listed with since when, and a resume of what is not paused does nothing", async () => {
  const jobs = await connected();
  await jobs.resume({ queue: "mailers" });
  await jobs.pause({ type: "mail.send" });
  await jobs.pause({ queue: "mailers" });
  const pauses = await jobs.pauses();
  expect(pauses).toEqual([
    { queue: "mailers", since: expect.any(Number) },
    { type: "mail.send", since: expect.any(Number) },
  ]);
});

test.each([
  [{ queue: "Not A Queue" }, /queue of pause is "Not A Queue": use 1 to 63/],
  [{ type: "Not.A Type" }, /type of pause is "Not.A Type"/],
  [{}, /one queue or one type/],
  [{ queue: "a", type: "b" }, /one queue or one type/],
  [{ queue: undefined }, /"queue" in what pause takes is undefined/],
  [{ queues: "a" }, /did you mean "queue"/],
])("pause(%j) is refused", async (target, message) => {
  const jobs = await connected();
  await expect(jobs.pause(target as never)).rejects.toMatchObject({ code: "CONFIG_INVALID", message });
  expect(await jobs.pauses()).toEqual([]);
});

test("without a ledger a pause says what to do", async () => {
  const jobs = await connected(memoryWith(() => ({ ledger: null }) as never));
  await expect(jobs.pause({ queue: "a" })).rejects.toMatchObject({ code: "CAPABILITY_MISSING", message: /ledger/ });
});

test("where a release counts as an attempt, the pause of a type is refused", async () => {
  const jobs = await connected(memoryBackend({ capabilities: { countsDeliveries: true } }));
  await expect(jobs.pause({ type: "a" })).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});

test("a ledger that cannot be read stops no job, and one event says so", async () => {
  const broken = { list: () => Promise.reject(new Error("the ledger is away")) };
  const jobs = await connected(
    memoryWith((backend) => ({ ledger: { ...(backend as never as { ledger: object }).ledger, ...broken } }) as never),
  );
  const unread = eventOf(jobs, "control_unread");
  const settled = eventOf(jobs, "settled");
  await jobs.enqueue(mail, {});
  await jobs.worker({ jobs: [mail] }).start();
  expect(await unread).toMatchObject({ message: expect.stringContaining("the ledger is away") });
  expect(await settled).toMatchObject({ outcome: "completed" });
});

test("a ledger that does not respond delays the first job by 2 s, one event says so, and its pauses count once it responds", async () => {
  let thaw = (): void => {};
  const frozen = new Promise<void>((resolve) => (thaw = resolve));
  let reads = 0;
  const jobs = await connected(
    memoryWith((backend) => {
      const { ledger } = backend as LedgerBackend;
      const list: Ledger["list"] = async (range) => {
        if ((reads += 1) === 1) await frozen;
        return ledger.list(range);
      };
      return { ledger: { ...ledger, list } } as object;
    }),
  );
  await jobs.pause({ queue: "default" });
  const unread: unknown[] = [];
  jobs.events.on("control_unread", ({ message }) => unread.push(message));
  const settled = eventOf(jobs, "settled");
  await jobs.enqueue(mail, {});
  const since = performance.now();
  await jobs.worker({ jobs: [mail] }).start();
  await settled;
  expect(performance.now() - since).toBeLessThan(4_000);
  expect(unread).toEqual([
    expect.stringMatching(/has not responded within 2000 ms; until it does, nothing counts as paused/),
  ]);
  const paused = eventOf(jobs, "paused");
  thaw();
  expect(await paused).toMatchObject({ queue: "default" });
});
