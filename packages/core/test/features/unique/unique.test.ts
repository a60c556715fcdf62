import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { connect, defineJob, isWaybillError, type Jobs, type UniqueOptions } from "../../../src/index.ts";
import type { Message } from "../../../src/backend/contract.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { type TestJobs, testJobs } from "../../../src/testing/index.ts";

const ran: string[] = [];
const syncShop = defineJob({
  type: "shop.sync",
  payload: z.object({ shop: z.string(), since: z.number().default(0) }),
  unique: {
    by(payload) {
      expectTypeOf(payload).toEqualTypeOf<{ shop: string; since?: number | undefined }>();
      return payload.shop;
    },
  },
  async handler({ shop }) {
    ran.push(shop);
  },
});

const open: Pick<Jobs, "close">[] = [];
async function opened(...jobs: Parameters<typeof testJobs>[0]["jobs"]): Promise<TestJobs> {
  const connection = await testJobs({ jobs });
  open.push(connection);
  return connection;
}

/** A connection that shows what it stores. */
async function connected(lines?: object[]): Promise<{ jobs: Jobs; sent: Message[] }> {
  const factory = memoryBackend();
  const sent: Message[] = [];
  const backend = await factory();
  const log = lines === undefined ? "off" : (line: object) => void lines.push(line);
  const jobs = await connect(
    async () => ({ ...backend, enqueue: (messages) => (sent.push(...messages), backend.enqueue(messages)) }),
    { log },
  );
  open.push(jobs);
  return { jobs, sent };
}

afterEach(async () => {
  ran.length = 0;
  for (const jobs of open.splice(0)) await jobs.close();
});

describe("a definition that is unique", () => {
  test("refuses a second job of the same key until the first has ended, and names the first", async () => {
    const jobs = await opened(syncShop);
    const first = await jobs.enqueue(syncShop, { shop: "a" });
    await jobs.enqueue(syncShop, { shop: "b" });
    const second = await jobs.enqueue(syncShop, { shop: "a", since: 5 }).catch((error: unknown) => error);
    expect(isWaybillError(second, "DUPLICATE_JOB") && second.duplicateOf).toBe(first.id);
    expect(second).toMatchObject({ message: expect.stringContaining('onConflict: "ignore"') });
    await jobs.drain();
    expect(ran).toEqual(["a", "b"]);
    expect((await jobs.enqueue(syncShop, { shop: "a" })).stored).toBe(true);
  });

  test.each<[UniqueOptions<unknown>, object]>([
    [{ by: () => "k" }, { key: "k" }],
    [
      { by: () => ["k", 7], until: "start", onConflict: "ignore" },
      { key: '["k",7]', until: "start", on_conflict: "ignore" },
    ],
    [
      { by: () => 7, until: "10m", onConflict: "replace" },
      { key: "7", for: "PT10M", on_conflict: "replace" },
    ],
    [{}, { key: "sha256:191feb01dc025757ceccf7f9c3c571db4ce5de2e897a0ebbbee29444ef285508" }],
  ])("writes %o as the spec's dedupe", async (unique, dedupe) => {
    const { jobs, sent } = await connected();
    await jobs.enqueue(defineJob<{ n: number }>({ type: "a", unique }), { n: 1 });
    expect(JSON.parse(sent[0]?.body ?? "")).toMatchObject({ dedupe });
  });

  test("without `by` is equal by type and payload", async () => {
    const { jobs } = await connected();
    const job = defineJob<{ a: number; b: number }>({ type: "a", unique: { onConflict: "ignore" } });
    const { id } = await jobs.enqueue(job, { a: 1, b: 2 });
    expect(await jobs.enqueue(job, { b: 2, a: 1 })).toMatchObject({ stored: false, duplicateOf: id });
    expect((await jobs.enqueue(job, { a: 2, b: 2 })).stored).toBe(true);
  });

  test("until the start, one waits while one runs", async () => {
    const job = defineJob<{ n: number }>({
      type: "a",
      unique: { by: () => "one", until: "start" },
      handler: async ({ n }) => void (n < 3 && (await jobs.enqueue(job, { n: n + 1 }))),
    });
    const jobs: TestJobs = await opened(job);
    await jobs.enqueue(job, { n: 1 });
    await expect(jobs.enqueue(job, { n: 9 })).rejects.toMatchObject({ code: "DUPLICATE_JOB" });
    expect(await jobs.drain()).toHaveLength(3);
  });

  test("for a time, under the clock of the test", async () => {
    const job = defineJob<string>({ type: "a", unique: { until: "10m", onConflict: "ignore" }, handler: () => {} });
    const jobs = await opened(job);
    await jobs.enqueue(job, "x");
    await jobs.advance("9m");
    expect((await jobs.enqueue(job, "x")).stored).toBe(false);
    await jobs.advance("2m");
    expect((await jobs.enqueue(job, "x")).stored).toBe(true);
  });

  test("with replace and a delay, the last payload runs once", async () => {
    const got: number[] = [];
    const job = defineJob<number>({
      type: "index.rebuild",
      unique: { by: () => "index", onConflict: "replace" },
      handler: (n) => void got.push(n),
    });
    const jobs = await opened(job);
    const receipts = [];
    for (const n of [1, 2, 3]) receipts.push(await jobs.enqueue(job, n, { delay: "30s" }));
    expect(receipts.map(({ replaced }) => replaced)).toEqual([undefined, receipts[0]?.id, receipts[1]?.id]);
    await jobs.advance("31s");
    expect(got).toEqual([3]);
  });
});

describe("unique of a call", () => {
  test("has a key of its own, for a type without a definition as well", async () => {
    const { jobs, sent } = await connected();
    await jobs.enqueue("any.type", {}, { unique: { key: ["x", 1], until: "1h" } });
    expect(sent[0]?.unique).toEqual({ key: '["x",1]', until: 3_600_000, onConflict: "reject" });
  });

  test("comes before the definition, member by member; false removes the definition's", async () => {
    const { jobs, sent } = await connected();
    await jobs.enqueue(syncShop, { shop: "a" });
    await jobs.enqueue(syncShop, { shop: "a" }, { unique: { onConflict: "replace" } });
    await jobs.enqueue(syncShop, { shop: "a" }, { unique: { key: "b" } });
    await jobs.enqueue(syncShop, { shop: "a" }, { unique: false });
    expect(sent.map(({ unique }) => unique && `${unique.key} ${unique.onConflict}`)).toEqual([
      "a reject",
      "a replace",
      "b reject",
      undefined,
    ]);
  });

  test.each<[unknown, RegExp]>([
    ["acme", /unique of the call for "a" is "acme": pass an object, such as { key: "acme" }, or false/],
    [{ keys: "a" }, /have no "keys"; did you mean "key"/],
    [{ key: "" }, /unique.key of the call for "a" is an empty text/],
    [{ key: "x".repeat(256) }, /a key of 256 characters, the limit is 255/],
    [{ key: [] }, /is an empty list|a list of 1 to 16/],
    [{ key: { a: 1 } }, /a text, a number, or a list of 1 to 16 of them/],
    [{ key: Number.NaN }, /is NaN: a text, a number/],
    [{ key: "a\0" }, /U\+0000/],
    [{ key: "a", until: "5 min" }, /until of unique of the call for "a" is "5 min"/],
    [{ key: "a", until: 0 }, /more than 0 and at most "366d"/],
    [{ key: "a", onConflict: "drop" }, /onConflict .* is "drop": "reject", "ignore" or "replace"/],
  ])("is refused when it is %o", async (unique, message) => {
    const { jobs, sent } = await connected();
    const call = jobs.enqueue("a", {}, { unique } as never);
    await expect(call).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(message) });
    expect(sent).toEqual([]);
  });
});

describe("by", () => {
  test.each<[() => unknown, RegExp]>([
    [() => undefined, /what unique.by of "a" returned is undefined/],
    [() => "", /empty text/],
    [() => Promise.resolve("x"), /a text, a number, or a list/],
    [
      () => {
        throw new Error("no shop");
      },
      /unique.by of "a" threw: .*no shop/,
    ],
  ])("that returns no key is named in the error", async (by, message) => {
    const { jobs } = await connected();
    const job = defineJob({ type: "a", unique: { by: by as () => string } });
    await expect(jobs.enqueue(job, {})).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(message),
    });
  });

  test("that is no function is refused when the job is defined", () => {
    expect(() => defineJob({ type: "a", unique: { by: "shop" as never } })).toThrow(/by of unique of "a" is "shop"/);
    expect(() => defineJob({ type: "a", unique: { until: "never" as never } })).toThrow(/until of unique of "a"/);
    expect(() => defineJob({ type: "a", unique: true as never })).toThrow(/unique of "a" is true: pass an object/);
  });
});

test("a dead letter that is not replayed, since another job has its key, is told so in these words", async () => {
  const { jobs } = await connected();
  const dies = defineJob({
    type: "dies",
    unique: {},
    retry: { maxAttempts: 1 },
    handler: () => Promise.reject(new Error("no")),
  });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  const { id } = await jobs.enqueue(dies, {});
  const worker = jobs.worker({ jobs: [dies] });
  await worker.start();
  await settled;
  await worker.stop();
  const { id: rival } = await jobs.enqueue(dies, {});
  await expect(jobs.inspector?.replay()).rejects.toMatchObject({
    id,
    duplicateOf: rival,
    message: `job "${id}" was not replayed: job "${rival}" has its unique key; replay the dead letter once the key is free`,
  });
});

test("each conflict is an event and a line of the log", async () => {
  const lines: object[] = [];
  const { jobs } = await connected(lines);
  const { id: first } = await jobs.enqueue(syncShop, { shop: "a" });
  const { id: ignored } = await jobs.enqueue(syncShop, { shop: "a" }, { unique: { onConflict: "ignore" } });
  await jobs.enqueue(syncShop, { shop: "a" }).catch(() => {});
  const { id: second } = await jobs.enqueue(syncShop, { shop: "a" }, { unique: { onConflict: "replace" } });
  const duplicates = lines.filter((line) => "event" in line && line.event === "duplicate");
  expect(duplicates).toMatchObject([
    { id: ignored, duplicateOf: first, result: "ignored", level: "info" },
    { duplicateOf: first, result: "rejected", level: "info" },
    { id: second, duplicateOf: first, result: "replaced", level: "info" },
  ]);
  expect(lines.filter((line) => "event" in line && line.event === "enqueued")).toHaveLength(2);
});

test("an envelope made elsewhere is unique by its dedupe", async () => {
  const { jobs } = await connected();
  const body = (id: string): string =>
    JSON.stringify({ spec: "waybill/1", id, type: "a", args: [], dedupe: { key: "k", until: "start" } });
  const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
  await jobs.enqueueBody(body(first));
  await expect(jobs.enqueueBody(body(second))).rejects.toMatchObject({ code: "DUPLICATE_JOB", duplicateOf: first });
  expect((await jobs.enqueueBody(body(first))).stored).toBe(false);
});

test("many jobs are judged in their order, each by itself", async () => {
  const { jobs } = await connected();
  const results = await jobs.enqueueMany(
    ["a", "b", "a"].map((shop) => ({ job: syncShop, payload: { shop } })) as [
      { job: typeof syncShop; payload: { shop: string } },
    ],
  );
  expect((results as { ok: boolean }[]).map(({ ok }) => ok)).toEqual([true, true, false]);
});

test("a backend that keeps no keys and has no ledger refuses a unique definition at the start", async () => {
  const factory = memoryBackend({ capabilities: { uniqueKeys: false } });
  const without = async () => {
    const { ledger: _, ...backend } = await factory();
    return backend;
  };
  const connecting = connect(without, { log: "off", jobs: [syncShop] });
  await expect(connecting).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringMatching(/job "shop.sync" is unique.*ledger: "postgres:/),
  });
  const jobs = await connect(without, { log: "off" });
  open.push(jobs);
  await expect(jobs.enqueue("a", {}, { unique: { key: "k" } })).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});

test("within a transaction, a completed job gives its key to the job that follows it", async () => {
  const job = defineJob<number>({
    type: "a",
    unique: { by: () => "one" },
    async handler(n, context) {
      await jobs.transaction(async (tx) => {
        await context.completeIn(tx);
        if (n === 3) return;
        await jobs.enqueueIn(tx, job, n + 1);
        await expect(jobs.enqueueIn(tx, job, 9)).rejects.toMatchObject({ code: "DUPLICATE_JOB" });
      });
    },
  });
  const jobs: TestJobs = await testJobs({ jobs: [job], like: "sqlite" });
  open.push(jobs);
  await jobs.enqueue(job, 1);
  expect((await jobs.drain()).map(({ outcome }) => outcome)).toEqual(["completed", "completed", "completed"]);
});
