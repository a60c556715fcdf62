import { expect, onTestFinished, test, vi } from "vitest";
import { connect, DeadLetter, defineJob, Discard, type JobRecord, newId } from "../../../src/index.ts";
import type { RecordChange, RecordStoreBackend } from "../../../src/exports/backend.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf } from "../../helpers/connected.ts";

const KEEP = { log: "off", records: "7d" } as const;
/** Generous: nothing here depends on speed. */
const SOON = { timeout: 20_000 };

test("a record has the payload, each attempt with its error and worker, progress, logs and the end", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  const resize = defineJob<{ photo: string }>({
    type: "photo.resize",
    queue: "media",
    retry: { initial: 5, jitter: false },
    handler: (_, job) => {
      job.progress(job.attempt, 2, "scaling");
      job.log(`attempt ${job.attempt}`);
      if (job.attempt === 1) throw Object.assign(new Error("disk is full"), { code: "ENOSPC" });
    },
  });
  const { id } = await jobs.enqueue(resize, { photo: "a.jpg" }, { tenant: "acme" });
  expect(await jobs.records.get(id)).toMatchObject({ state: "waiting", attempts: [], progress: null, endedAt: null });
  const done = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  const worker = jobs.worker({ jobs: [resize] });
  await worker.start();
  await done;

  const record = (await jobs.records.get(id)) as JobRecord;
  expect(record).toMatchObject({
    id,
    type: "photo.resize",
    queue: "media",
    tenant: "acme",
    state: "completed",
    payload: '{"photo":"a.jpg"}',
    progress: { done: 2, total: 2, message: "scaling" },
    attempts: [
      { attempt: 1, worker: worker.id, outcome: "retried", code: "ENOSPC", message: "Error: disk is full" },
      { attempt: 2, worker: worker.id, outcome: "completed", code: null, message: null, stack: null },
    ],
  });
  expect(record.logs.map(({ attempt, text }) => [attempt, text])).toEqual([
    [1, "attempt 1"],
    [2, "attempt 2"],
  ]);
  expect(record.attempts[0]?.stack).toContain("records.test.ts");
  expect(record.enqueuedAt).toBeLessThanOrEqual(record.startedAt ?? 0);
  expect(record.startedAt).toBeLessThanOrEqual(record.endedAt ?? 0);
});

test("R4: in Amazon ECS each attempt of a record names the task of its worker, while it runs and after it", async () => {
  vi.stubEnv("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/cd189a933e5849daa93386466019ab50-2495160603");
  onTestFinished(() => void vi.unstubAllEnvs());
  const jobs = await connected(memoryBackend(), KEEP);
  let running: JobRecord | null = null;
  const job = defineJob({
    type: "slow",
    handler: async (_, { id }) => {
      running = await jobs.records.get(id);
    },
  });
  const { id } = await jobs.enqueue(job, {});
  const done = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  const worker = jobs.worker({ jobs: [job] });
  await worker.start();
  await done;
  const where = { worker: worker.id, task: "cd189a933e5849daa93386466019ab50" };
  expect(running).toMatchObject({ attempts: [{ ...where, outcome: "running" }] });
  expect(await jobs.records.get(id)).toMatchObject({ attempts: [{ ...where, outcome: "completed" }] });
});

test("a second delivery of a job that runs in this process leaves the record of the run as it is", async () => {
  const jobs = await connected(memoryBackend({ capabilities: { uniqueIds: false } }), KEEP);
  const released = eventOf(jobs, "settled", ({ reason }) => reason?.code === "RUNNING_HERE");
  let runs = 0;
  const slow = defineJob({
    type: "slow",
    async handler(_, job) {
      // The second delivery comes again after a second.
      if ((runs += 1) > 1) return;
      await released;
      job.progress(1, 1);
      expect(await jobs.records.get(job.id)).toMatchObject({ state: "running", attempts: [{ outcome: "running" }] });
    },
  });
  const id = newId();
  for (let copies = 0; copies < 2; copies++) await jobs.enqueue(slow, {}, { id });
  const completed = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await jobs.worker({ jobs: [slow], concurrency: 2 }).start();
  expect(await completed).toMatchObject({ id, releases: 0 });
  expect(await jobs.records.get(id)).toMatchObject({
    state: "completed",
    progress: { done: 1, total: 1 },
    attempts: [{ attempt: 1, outcome: "completed" }],
  });
});

test("the end of a job is its state: dead letter, discarded, cancelled before it ran", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  const handler = ({ how }: { how: string }): void => {
    if (how === "dead") throw new DeadLetter("the card is refused");
    throw new Discard("nobody wants it");
  };
  const pay = defineJob<{ how: string }>({ type: "pay", handler });
  const ids: string[] = [];
  for (const how of ["dead", "discard"]) ids.push((await jobs.enqueue(pay, { how })).id);
  const late = await jobs.enqueue(pay, { how: "late" }, { delay: "1h" });
  await jobs.cancel(late.id);
  await jobs.worker({ jobs: [pay] }).start();
  const states = (): Promise<unknown[]> =>
    Promise.all([...ids, late.id].map(async (id) => (await jobs.records.get(id))?.state));
  await expect.poll(states, SOON).toEqual(["dead", "discarded", "cancelled"]);
  const { records } = await jobs.records.find({ code: "DEAD_LETTERED", text: "THE CARD" });
  expect(records.map(({ id }) => id)).toEqual([ids[0]]);
});

test("a dead letter that is replayed at once is recorded as what it does now", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  let isBroken = true;
  const pay = defineJob({ type: "pay", retry: { maxAttempts: 1 }, handler: () => void (isBroken && fail()) });
  await jobs.worker({ jobs: [pay] }).start();
  const { id } = await jobs.enqueue(pay, {});
  const state = async (): Promise<unknown> => (await jobs.records.get(id))?.state;
  await expect.poll(state, SOON).toBe("dead");
  isBroken = false;
  await jobs.inspector?.replay();
  await expect.poll(state, SOON).toBe("completed");
});

test("what redact names is neither in the payload nor in an error, a stack or a line", async () => {
  const written: RecordChange[] = [];
  const open = memoryBackend();
  const jobs = await connect(
    async () => {
      const backend = await open();
      const recordStore: RecordStoreBackend["recordStore"] = (scope) => {
        const store = backend.recordStore(scope);
        return { ...store, write: (changes) => (written.push(...changes), store.write(changes)) };
      };
      return { ...backend, recordStore };
    },
    { log: "off", records: { redact: ["card.number", "items.*.secret", "not.there"] } },
  );
  const pay = defineJob<{ card: { number: string; holder: string }; items: { secret: string }[] }>({
    type: "pay",
    retry: { maxAttempts: 1 },
    handler: ({ card, items }, job) => {
      job.log(`charging ${card.number}`);
      job.progress(1, 2, `item ${items[0]?.secret}`);
      throw new Error(`card ${card.number} of ${card.holder} is refused`);
    },
  });
  const done = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [pay] }).start();
  const card = { number: "4111-1111", holder: "Anna" };
  const { id } = await jobs.enqueue(pay, { card, items: [{ secret: "hush-hush" }] });
  await done;
  const record = await jobs.records.get(id);
  await jobs.close();
  expect(record?.payload).toBe('{"card":{"holder":"Anna"},"items":[{}]}');
  expect(record?.attempts[0]?.message).toContain("card [redacted] of Anna");
  expect(record?.logs[0]?.text).toBe("charging [redacted]");
  expect(JSON.stringify(written)).not.toMatch(/4111-1111|hush-hush/);
});

test("message and stack are cut to 8,192 characters, a payload to 16,384, and a NUL or half a character is replaced", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  const long = `a\0b\uD800${"x".repeat(30_000)}`;
  const fails = defineJob<{ text: string }>({
    type: "fails",
    retry: { maxAttempts: 1 },
    handler: () => {
      throw new Error(long);
    },
  });
  const done = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [fails] }).start();
  const { id } = await jobs.enqueue(fails, { text: "y".repeat(30_000) });
  await done;
  const record = await jobs.records.get(id);
  const [attempt] = record?.attempts ?? [];
  expect([record?.payload?.length, attempt?.stack?.length]).toEqual([16_384, 8_192]);
  expect(attempt?.message?.length).toBeLessThanOrEqual(8_192);
  expect(JSON.stringify(record)).not.toMatch(/\\u0000|\\ud800/);
});

test("progress and log never throw and do nothing without records", async () => {
  const jobs = await connected(memoryBackend(), { log: "off" });
  const odd = { toString: () => fail() } as unknown as string;
  const reports = defineJob({
    type: "reports",
    handler: (_, job) => {
      job.progress(1, 2, odd);
      job.log(odd);
    },
  });
  const done = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [reports] }).start();
  const { id } = await jobs.enqueue(reports, {});
  expect((await done).outcome).toBe("completed");
  expect(await jobs.records.get(id)).toBeNull();
});

test("progress and log of odd values fail no job with records, and the last 100 lines of a run are kept", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  const reports = defineJob({
    type: "reports",
    handler: (_, job) => {
      for (const odd of [{ toString: fail }, Symbol("odd"), null, 5n]) {
        job.log(odd as unknown as string);
        job.progress(odd as unknown as number, odd as unknown as number, odd as unknown as string);
      }
      for (let at = 0; at < 250; at += 1) job.log(`line ${at}`);
    },
  });
  const done = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [reports] }).start();
  const { id } = await jobs.enqueue(reports, {});
  expect((await done).outcome).toBe("completed");
  const texts = (await jobs.records.get(id))?.logs.map(({ text }) => text) ?? [];
  expect(texts.length).toBe(100);
  expect(texts).toContain("line 249");
});

function fail(): never {
  throw new Error("broken");
}

test("why says how a job ended that its record alone remembers", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  const send = defineJob<string>({
    type: "mail.send",
    handler(how) {
      if (how === "discarded") throw new Discard("too old");
      if (how === "dead") throw new DeadLetter("no address");
    },
  });
  await jobs.worker({ jobs: [send] }).start();
  for (const how of ["completed", "discarded", "dead"]) {
    const { id } = await jobs.enqueue(send, how);
    await eventOf(jobs, "settled", (event) => event.id === id);
    await jobs.inspector?.drop({ ids: [id] });
    expect((await jobs.why(id)).code).toBe(how === "dead" ? "DROPPED" : how.toUpperCase());
  }
  const { id } = await jobs.enqueue(send, "late", { delay: "1h" });
  await jobs.cancel(id);
  expect(await jobs.why(id)).toMatchObject({ code: "CANCELLED", facts: { worker: null } });
});
