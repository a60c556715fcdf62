import { connect, defineJob, type Jobs } from "@waybill/core";
import { type ImportOptions, importJobs, type ImportReport } from "@waybill/core/import";
import { FlowProducer, Queue, Worker } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { bullmqJobs } from "../../src/index.ts";
import { freshPrefix, redisClient, redisUrl } from "../redis.ts";

interface Sides {
  readonly prefix: string;
  readonly queue: Queue;
  readonly jobs: Jobs;
  readonly source: ReturnType<typeof bullmqJobs>;
  /** The payloads that ran here. */
  readonly ran: unknown[];
  move(options?: Partial<ImportOptions>): Promise<ImportReport>;
}

/** A BullMQ queue, and a connection to a store in memory whose worker runs what was moved. */
async function sides(): Promise<Sides> {
  const prefix = freshPrefix();
  const client = await redisClient();
  const queue = new Queue("mail", { connection: client, prefix });
  onTestFinished(() => queue.close());
  const jobs = await connect("memory:", { log: "off", rememberIds: "1d" });
  onTestFinished(() => jobs.close());
  const ran: unknown[] = [];
  const mail = defineJob({
    type: "mail.send",
    queue: "mail",
    payload: z.object({ to: z.string() }),
    handler: ({ to }) => void ran.push(to),
  });
  await jobs.worker({ jobs: [mail] }).start();
  const source = bullmqJobs({ queue: "mail", client, prefix });
  const map: ImportOptions["map"] = ({ name, data }) =>
    name === "send" ? { job: mail, payload: data as { to: string } } : null;
  return { prefix, queue, jobs, source, ran, move: (options) => importJobs(source, jobs, { map, ...options }) };
}

async function pageOf(source: Sides["source"], failed = false) {
  const found = [];
  for await (const page of source.pages({ failed })) found.push(...page);
  return found;
}

test("a job that was taken and not stored, since the program was killed, is stored by the next run", async () => {
  const { queue, source, ran, move } = await sides();
  await queue.add("send", { to: "ada" });
  expect(await source.setAside(await pageOf(source))).toMatchObject([{ data: { to: "ada" } }]);
  expect(await queue.getJobCounts("waiting")).toEqual({ waiting: 0 });
  expect(await move()).toMatchObject({ moved: 1, left: [] });
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual(["ada"]);
});

test("a job that is refused here is not deleted and keeps no other: the report says why, and the next run stores it", async () => {
  const { queue, source, ran, move } = await sides();
  const small = await connect("memory:", { log: "off", maxBodyBytes: 1_024 });
  onTestFinished(() => small.close());
  const long = "a".repeat(2_000);
  await queue.addBulk(["ada", long, "bob"].map((to) => ({ name: "send", data: { to } })));
  const map: ImportOptions["map"] = ({ data }) => ({ job: "mail.send", payload: data, options: { queue: "mail" } });
  const why = expect.stringMatching(/set aside there, and refused here: .*1,?024/) as string;
  for (const moved of [2, 0])
    expect(await importJobs(source, small, { map })).toMatchObject({ moved, left: [{ name: "send", why }] });
  expect(await queue.getJobCounts("waiting")).toEqual({ waiting: 0 });
  expect(await source.listAside(10)).toMatchObject([{ data: { to: long } }]);
  expect(await move()).toMatchObject({ moved: 1, left: [] });
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual([long]);
});

test("a job whose id a refused one has stays in its queue, and neither is lost", async () => {
  const { queue, source, ran, move } = await sides();
  const small = await connect("memory:", { log: "off", maxBodyBytes: 1_024 });
  onTestFinished(() => small.close());
  const map: ImportOptions["map"] = ({ data }) => ({ job: "mail.send", payload: data, options: { queue: "mail" } });
  const long = "a".repeat(2_000);
  await queue.add("send", { to: long }, { jobId: "one" });
  await importJobs(source, small, { map });
  await queue.add("send", { to: "ada" }, { jobId: "one" });
  expect(await source.setAside(await pageOf(source))).toEqual([]);
  const { left } = await importJobs(source, small, { map });
  expect(left.map(({ id }) => id)).toEqual(["one", "one"]);
  expect(left[1]?.why).toBe("another job of its id is set aside, and refused here");
  expect(await queue.getJobCounts("waiting")).toEqual({ waiting: 1 });
  expect(await move()).toMatchObject({ moved: 2, left: [] });
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual([long, "ada"]);
});

test("a job that could not be stored because the backend is closed stays set aside, and the run rejects", async () => {
  const { queue, source, ran, move } = await sides();
  const closed = await connect("memory:", { log: "off" });
  await closed.close();
  await queue.add("send", { to: "ada" });
  const map: ImportOptions["map"] = ({ data }) => ({ job: "mail.send", payload: data, options: { queue: "mail" } });
  await expect(importJobs(source, closed, { map })).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
  expect(await move()).toMatchObject({ moved: 1, left: [] });
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual(["ada"]);
});

test("a job that was stored and has run does not run again when the program was killed before it was deleted there", async () => {
  const { queue, jobs, source, ran, move } = await sides();
  await queue.add("send", { to: "ada" });
  const killed = { ...source, forget: () => Promise.reject(new Error("killed here")) };
  const map: ImportOptions["map"] = ({ data }) => ({ job: "mail.send", payload: data, options: { queue: "mail" } });
  await expect(importJobs(killed, jobs, { map })).rejects.toThrow("killed here");
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual(["ada"]);
  await queue.add("send", { to: "bob" });
  expect(await move()).toMatchObject({ moved: 1, storedBefore: 1, left: [] });
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual(["ada", "bob"]);
});

test("without rememberIds that job runs again", async () => {
  const { queue, source } = await sides();
  const jobs = await connect("memory:", { log: "off" });
  onTestFinished(() => jobs.close());
  const ran: unknown[] = [];
  const mail = defineJob({ type: "mail.send", queue: "mail", handler: (payload) => void ran.push(payload) });
  await jobs.worker({ jobs: [mail] }).start();
  await queue.add("send", 1);
  const map: ImportOptions["map"] = ({ data }) => ({ job: mail, payload: data });
  const killed = { ...source, forget: () => Promise.reject(new Error("killed here")) };
  await expect(importJobs(killed, jobs, { map })).rejects.toThrow("killed here");
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual([1]);
  expect(await importJobs(source, jobs, { map })).toMatchObject({ moved: 1 });
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual([1, 1]);
});

test("a job whose payload does not fit, and one that map does not want, stay where they are", async () => {
  const { queue, ran, move } = await sides();
  await queue.add("send", { to: 5 });
  await queue.add("report", {});
  const { left, moved } = await move();
  expect(moved).toBe(0);
  expect(left.map(({ name, why }) => [name, why])).toEqual([
    ["send", expect.stringContaining("to:")],
    ["report", "map returned null"],
  ]);
  expect(await queue.getJobCounts("waiting")).toEqual({ waiting: 2 });
  expect(ran).toEqual([]);
});

test("jobs of a flow and the next job of a scheduler stay, each with the reason", async () => {
  const { prefix, queue, move } = await sides();
  const flows = new FlowProducer({ connection: await redisClient(), prefix });
  onTestFinished(() => flows.close());
  await flows.add({
    name: "album",
    queueName: "mail",
    children: [{ name: "send", queueName: "mail", data: { to: "ada" } }],
  });
  await queue.upsertJobScheduler(
    "nightly",
    { every: 86_400_000, startDate: Date.now() + 3_600_000 },
    { name: "send", data: { to: "eve" } },
  );
  const { left, moved } = await move();
  expect(moved).toBe(0);
  expect(left.map(({ why }) => why).toSorted()).toEqual([
    "it is part of a flow, which BullMQ's workers finish",
    'it is the next job of the scheduler "nightly": move the schedule and remove the scheduler',
  ]);
  await queue.removeJobScheduler("nightly");
  expect(await queue.getDelayedCount()).toBe(0);
});

test("a job that a worker runs is left to it, and is moved when it has failed with attempts left", async () => {
  const { prefix, queue, ran, move } = await sides();
  let fail = (): void => undefined;
  const failing = new Promise<void>((resolve) => (fail = resolve));
  const old = new Worker("mail", () => failing.then(() => Promise.reject(new Error("no route"))), {
    connection: { url: await redisUrl() },
    prefix,
  });
  onTestFinished(() => old.close(true));
  await queue.add("send", { to: "ada" }, { attempts: 2, backoff: { type: "fixed", delay: 1_000 } });
  await expect.poll(() => queue.getActiveCount(), { timeout: 20_000 }).toBe(1);
  const moving = move();
  fail();
  expect(await moving).toMatchObject({ moved: 1, left: [] });
  await expect.poll(() => ran, { timeout: 20_000 }).toEqual(["ada"]);
});

test("attempts, backoff, priority and the time of a delayed job are read as BullMQ means them", async () => {
  const { queue, source } = await sides();
  const plain = await queue.add("send", {}, { priority: 7, attempts: 4, backoff: 250 });
  const late = await queue.add(
    "send",
    {},
    { delay: 60_000, priority: 2_000, attempts: 3, backoff: { type: "exponential", delay: 1_000, jitter: 0.5 } },
  );
  await (await redisClient()).hset(`${queue.opts.prefix}:mail:${late.id}`, "atm", "2");
  const own = await queue.add("send", {}, { attempts: 5, backoff: { type: "moonlight" } });
  const byId = new Map((await pageOf(source)).map((job) => [job.id, job]));
  expect(byId.get(plain.id ?? "")).toMatchObject({
    state: "waiting",
    priority: -7,
    dueAt: null,
    retry: { maxAttempts: 4, initial: 250, factor: 1, jitter: false },
  });
  expect(byId.get(late.id ?? "")).toMatchObject({
    state: "delayed",
    priority: -100,
    dueAt: late.timestamp + 60_000,
    attemptsMade: 2,
    retry: { maxAttempts: 1, initial: 4_000, factor: 2, jitter: true },
  });
  expect(byId.get(own.id ?? "")?.retry).toEqual({ maxAttempts: 5 });
});

test("a queue longer than a page is listed whole, in the order in which it would run, also while a part of it is taken", async () => {
  const { queue, source } = await sides();
  await queue.addBulk(Array.from({ length: 250 }, (_, at) => ({ name: at % 3 === 0 ? "stays" : "send", data: at })));
  const seen: unknown[] = [];
  for await (const page of source.pages({ failed: false })) {
    seen.push(...page.map(({ data }) => data));
    await source.setAside(page.filter(({ name }) => name === "send"));
  }
  expect(seen).toEqual(Array.from({ length: 250 }, (_, at) => at));
  expect(await queue.getJobCounts("waiting")).toEqual({ waiting: 84 });
});

test("a source without a queue or a client is refused", async () => {
  const client = await redisClient();
  expect(() => bullmqJobs({ queue: "", client })).toThrow("name the BullMQ queue");
  expect(() => bullmqJobs({ queue: "mail", client: undefined as never })).toThrow("pass an ioredis client");
});
