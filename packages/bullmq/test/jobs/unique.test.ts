import type { Backend, Lease, Message, UniqueKey } from "@waybill/core/backend";
import { Queue } from "bullmq";
import { expect, onTestFinished, test } from "vitest";
import { freshPrefix, lease, message, open, redisClient } from "../redis.ts";

const keyed = (unique: Partial<UniqueKey> = {}, part: Partial<Message> = {}): Message => ({
  ...message(part),
  unique: { key: "shop 7\n{ä}", until: "end", onConflict: "reject", ...unique },
});

async function leaseOne(backend: Backend, part = {}): Promise<Lease> {
  const [leased] = await lease(backend, { waitMs: 5_000, ...part });
  if (leased === undefined) throw new Error("nothing was leased");
  return leased;
}

/** "stored", "duplicate of ID", "replaced ID", or the code of the error. */
async function fate(backend: Backend, ...messages: Message[]): Promise<string[]> {
  const results = await backend.enqueue(messages);
  return results.map((result) => {
    if (!result.ok) return result.error.code;
    const { stored, duplicateOf, replaced } = result.value;
    return stored ? (replaced === undefined ? "stored" : `replaced ${replaced}`) : `duplicate of ${duplicateOf}`;
  });
}

test("jobs are equal by type and key, also in two queues, and are judged in the order of the list", async () => {
  const backend = await open({ prefix: freshPrefix() });
  const [first, second] = [keyed({}, { queue: "other" }), keyed()];
  const others = [keyed({ key: "shop 8" }), keyed({}, { type: "test.else" }), message()];
  expect(await fate(backend, message(), first, ...others, second, keyed({ onConflict: "ignore" }))).toEqual([
    "stored",
    "stored",
    "stored",
    "stored",
    "stored",
    "DUPLICATE_JOB",
    `duplicate of ${first.id}`,
  ]);
});

test("two connections that drop, retire or revive jobs of one key never leave it taken or have it twice", async () => {
  const prefix = freshPrefix();
  const [backend, other] = [await open({ prefix }), await open({ prefix })];
  const dead = keyed();
  expect(await fate(backend, dead)).toEqual(["stored"]);
  await other.deadLetter(await leaseOne(other), { code: "TEST", message: "dead" });
  const next = keyed();
  expect(await fate(backend, next)).toEqual(["stored"]);
  await expect(backend.inspector.replay({ ids: [dead.id] })).rejects.toMatchObject({
    code: "DUPLICATE_JOB",
    id: dead.id,
    message: expect.stringMatching(/was not replayed: .*; replay the dead letter once the key is free$/),
    duplicateOf: next.id,
  });
  expect(await backend.inspector.deadLetters()).toMatchObject([{ id: dead.id }]);
  expect(await backend.ack([await leaseOne(backend)])).toMatchObject([{ ok: true }]);
  expect(await backend.inspector.replay({ ids: [dead.id] })).toBe(1);
  expect(await fate(backend, keyed({ onConflict: "ignore" }))).toEqual([`duplicate of ${dead.id}`]);
  await backend.deadLetter(await leaseOne(backend), { code: "TEST", message: "dead" });
  expect(await backend.inspector.drop({ ids: [dead.id] })).toBe(1);
  expect(await fate(backend, keyed())).toEqual(["stored"]);
});

test("a key until the start is free once its job was leased, also while that waits for its retry", async () => {
  const backend = await open({ prefix: freshPrefix() });
  const [first, second, third] = [keyed({ until: "start" }), keyed({ until: "start" }), keyed({ until: "start" })];
  expect(await fate(backend, first, second)).toEqual(["stored", "DUPLICATE_JOB"]);
  const leased = await leaseOne(backend);
  expect(await fate(backend, second, third)).toEqual(["stored", "DUPLICATE_JOB"]);
  await backend.retry(leased, { delayMs: 0, countsAttempt: true });
  expect((await leaseOne(backend, { leaseMs: 59_000 })).id).toBe(second.id);
  expect(await fate(backend, third)).toEqual(["stored"]);
  expect(await backend.ack([await leaseOne(backend)])).toMatchObject([{ ok: true }]);
  expect(await fate(backend, keyed())).toEqual(["DUPLICATE_JOB"]);
});

test("a key for a time is taken after its job has ended, and free when the time has passed", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix });
  const first = keyed({ until: 1_500 });
  expect(await fate(backend, first)).toEqual(["stored"]);
  await backend.ack([await leaseOne(backend)]);
  expect(await fate(backend, keyed({ onConflict: "ignore" }))).toEqual([`duplicate of ${first.id}`]);
  expect(await fate(backend, keyed({ onConflict: "replace" }))).toEqual(["DUPLICATE_JOB"]);
  await expect.poll(() => fate(backend, keyed()), { timeout: 10_000 }).toEqual(["stored"]);
  await fate(backend, keyed({ key: "timed", until: 60_000 }));
  const redis = await redisClient();
  expect(await redis.zrange(`${prefix}:unique-timed`, "0", "-1")).toEqual(["test.job timed"]);
});

test("a job replaces one of another queue that waits, and none that a worker has leased", async () => {
  const backend = await open({ prefix: freshPrefix() });
  const [first, delayed, last] = [
    keyed({ onConflict: "replace" }, { queue: "other" }),
    keyed({ onConflict: "replace" }, { delayMs: 60_000 }),
    keyed({ onConflict: "replace" }),
  ];
  expect(await fate(backend, first, delayed, last)).toEqual([
    "stored",
    `replaced ${first.id}`,
    `replaced ${delayed.id}`,
  ]);
  expect(await backend.inspector.counts()).toMatchObject([{ queue: "default", ready: 1, delayed: 0 }]);
  const leased = await leaseOne(backend);
  expect(leased.id).toBe(last.id);
  await backend.retry(leased, { delayMs: 60_000, countsAttempt: false });
  expect(await fate(backend, keyed({ onConflict: "replace" }))).toEqual(["DUPLICATE_JOB"]);
});

test("a key whose job another program removed is free, and so is that of a job which BullMQ keeps after its end", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix });
  const [removed, kept] = [keyed(), keyed({ key: "kept" })];
  expect(await fate(backend, removed, kept)).toEqual(["stored", "stored"]);
  const redis = await redisClient();
  const queue = new Queue("default", { connection: redis, prefix });
  onTestFinished(() => queue.close());
  await queue.remove(removed.id);
  await redis.zrem(`${prefix}:default:prioritized`, kept.id);
  await redis.hset(`${prefix}:default:${kept.id}`, "finishedOn", Date.now());
  expect(await fate(backend, keyed(), keyed({ key: "kept" }))).toEqual(["stored", "stored"]);
});

test("keys of jobs that other programs removed are swept while a worker waits", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix });
  const redis = await redisClient();
  await fate(backend, keyed({ key: "stays" }, { delayMs: 60_000 }));
  await redis.hset(`${prefix}:unique`, "test.job gone", `end gone ${prefix}:default:`, "test.job odd", "nonsense");
  await lease(backend);
  await expect.poll(() => redis.hkeys(`${prefix}:unique`), { timeout: 10_000 }).toEqual(["test.job stays"]);
});

test("an arrival whose key is taken is kept with its code, or is dropped if it asks to be ignored", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix }, (body) => {
    const { id, onConflict } = JSON.parse(body) as { readonly id: string; readonly onConflict: "reject" | "ignore" };
    return { ok: true, message: keyed({ onConflict }, { id, body }) };
  });
  const first = keyed();
  await fate(backend, first);
  const redis = await redisClient();
  for (const onConflict of ["ignore", "reject"]) {
    await redis.lpush(`${prefix}:inbox:default`, JSON.stringify({ id: onConflict, onConflict }));
  }
  const leased = await leaseOne(backend);
  await expect
    .poll(() => backend.inspector.deadLetters(), { timeout: 10_000 })
    .toMatchObject([{ reason: { code: "DUPLICATE_JOB" }, body: '{"id":"reject","onConflict":"reject"}' }]);
  expect(await redis.exists(`${prefix}:default:ignore`)).toBe(0);
  expect(leased.id).toBe(first.id);
});

test("an acked job leaves neither itself nor its key in Redis", async () => {
  const prefix = freshPrefix();
  const backend = await open({ prefix });
  const job = keyed();
  await backend.enqueue([job]);
  await backend.ack([await leaseOne(backend)]);
  const client = await redisClient();
  const left = await client.keys(`${prefix}:*`);
  expect(left.filter((key) => key.endsWith(job.id) || key.endsWith(":completed"))).toEqual([]);
  expect(await client.hlen(`${prefix}:unique`)).toBe(0);
});
