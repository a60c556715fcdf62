import { connect, defineJob, newId, newSecret } from "@waybill/core";
import { signedWrapper } from "@waybill/core/endpoint";
import { describe, expect, onTestFinished, test } from "vitest";
import { bullmqBackend } from "../../src/index.ts";
import { admit, freshPrefix, lease, message, open, redisClient, redisUrl } from "../redis.ts";

const envelope = (id: string, more = ""): string => `{ "id": "${id}", "queue":"mail", "type":"mail.send"${more} }`;

describe("an envelope pushed into the inbox", () => {
  test("R18: becomes a job with its bytes, and wakes a waiting call", async () => {
    const [prefix, redis] = [freshPrefix(), await redisClient()];
    const backend = await open({ prefix });
    const waiting = lease(backend, { queue: "mail", waitMs: 10_000 });
    const body = envelope(crypto.randomUUID(), ', "text": "żółw \u2028"');
    await redis.lpush(`${prefix}:inbox:mail`, body);
    expect(await waiting).toMatchObject([{ queue: "mail", type: "mail.send", body, attempt: 1 }]);
    await expect.poll(() => redis.keys(`${prefix}:inbox:mail:processing:*`)).toEqual([]);
    expect(await redis.llen(`${prefix}:inbox:mail`)).toBe(0);
  });

  test("500 of them, pushed while no process drained, run in the order in which they were pushed", async () => {
    const [prefix, redis] = [freshPrefix(), await redisClient()];
    const ids = Array.from({ length: 500 }, () => crypto.randomUUID());
    for (const id of ids) await redis.lpush(`${prefix}:inbox:mail`, envelope(id));
    const backend = await open({ prefix });
    const found: string[] = [];
    while (found.length < 500) {
      const leases = await lease(backend, { queue: "mail", limit: 500, waitMs: 10_000 });
      expect(leases).not.toEqual([]);
      found.push(...leases.map(({ id }) => id));
    }
    expect(found).toEqual(ids);
  });

  test("whose drainer died between taking and storing is found by another", async () => {
    const [prefix, redis] = [freshPrefix(), await redisClient()];
    const id = crypto.randomUUID();
    await redis.sadd(`${prefix}:inbox:mail:drainers`, "gone");
    await redis.lpush(`${prefix}:inbox:mail:processing:gone`, envelope(id));
    const backend = await open({ prefix });
    expect(await lease(backend, { queue: "mail", waitMs: 10_000 })).toMatchObject([{ id }]);
    await expect.poll(() => redis.smembers(`${prefix}:inbox:mail:drainers`)).not.toContain("gone");
  });

  test("whose drainer lives is left to it", async () => {
    const [prefix, redis] = [freshPrefix(), await redisClient()];
    await redis.sadd(`${prefix}:inbox:mail:drainers`, "alive");
    await redis.set(`${prefix}:inbox:mail:alive:alive`, "1");
    await redis.lpush(`${prefix}:inbox:mail:processing:alive`, envelope(crypto.randomUUID()));
    const backend = await open({ prefix });
    expect(await lease(backend, { queue: "mail", waitMs: 300 })).toEqual([]);
    expect(await redis.llen(`${prefix}:inbox:mail:processing:alive`)).toBe(1);
  });
});

describe("what is no envelope is kept with a code, blocks nothing and is never deleted", () => {
  test.each([
    ["plain text", "hello", "JSON_SYNTAX"],
    ["a Sidekiq job", '{"class":"HardWorker","args":[1],"jid":"b4a577edbccf1d805744efa9"}', "FIELD_MISSING"],
  ])("%s", async (_, body, code) => {
    const [prefix, redis] = [freshPrefix(), await redisClient()];
    const backend = await open({ prefix });
    const good = crypto.randomUUID();
    const waiting = lease(backend, { queue: "mail", waitMs: 10_000 });
    await redis.lpush(`${prefix}:inbox:mail`, body);
    await redis.lpush(`${prefix}:inbox:mail`, envelope(good));
    expect(await waiting).toMatchObject([{ id: good }]);
    expect(await backend.inspector.deadLetters()).toMatchObject([{ queue: "mail", body, reason: { code } }]);
    expect(await backend.inspector.counts()).toMatchObject([{ queue: "mail", leased: 1, dead: 1 }]);
  });

  test("a rejected entry has an id of its own, never that of the envelope in it", async () => {
    const [prefix, redis] = [freshPrefix(), await redisClient()];
    const backend = await open({ prefix });
    const id = crypto.randomUUID();
    const waiting = lease(backend, { queue: "mail", waitMs: 10_000 });
    await redis.lpush(`${prefix}:inbox:mail`, envelope(id));
    expect(await waiting).toMatchObject([{ id }]);
    await redis.lpush(`${prefix}:inbox:mail`, ` ${envelope(id)}`);
    await expect
      .poll(() => backend.inspector.deadLetters(), { timeout: 5_000 })
      .toMatchObject([{ reason: { code: "ID_CONFLICT" } }]);
    const kept = JSON.parse((await redis.lindex(`${prefix}:inbox:mail:rejected`, 0)) ?? "{}") as { id: string };
    expect(kept).toMatchObject({ code: "ID_CONFLICT", body: ` ${envelope(id)}`, at: expect.any(Number) });
    expect(kept.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(kept.id).not.toBe(id);
  });

  test("bytes that are not UTF-8 stay what they were, and a replay judges them again", async () => {
    const [prefix, redis] = [freshPrefix(), await redisClient()];
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
    const judgements: string[] = [];
    const backend = await open({ prefix }, (body, signature) => {
      judgements.push(body);
      return admit(body, signature);
    });
    const waiting = lease(backend, { queue: "mail", waitMs: 10_000 });
    await redis.lpush(`${prefix}:inbox:mail`, bytes);
    const dead = (): ReturnType<typeof backend.inspector.deadLetters> => backend.inspector.deadLetters();
    await expect.poll(dead, { timeout: 5_000 }).toMatchObject([{ reason: { code: "ENCODING_INVALID" } }]);
    const [first] = await dead();
    expect(await backend.inspector.replay()).toBe(1);
    await expect.poll(async () => (await dead())[0]?.id ?? first?.id, { timeout: 5_000 }).not.toBe(first?.id);
    const kept = JSON.parse((await redis.lindex(`${prefix}:inbox:mail:rejected`, 0)) ?? "{}") as { base64: string };
    expect(Buffer.from(kept.base64, "base64")).toEqual(bytes);
    expect(await backend.inspector.drop()).toBe(1);
    expect(await redis.llen(`${prefix}:inbox:mail:rejected`)).toBe(0);
    expect(judgements).toEqual([]);
    await backend.close();
    await waiting;
  });
});

test("a queue called inbox has keys of its own", async () => {
  const [prefix, redis] = [freshPrefix(), await redisClient()];
  const backend = await open({ prefix });
  await backend.enqueue([message({ queue: "inbox" })]);
  expect((await redis.keys(`${prefix}:*`)).filter((key) => key.startsWith(`${prefix}:inbox:`))).toEqual([]);
  expect(await lease(backend, { queue: "inbox" })).toHaveLength(1);
});

test("what a foreign producer signs in the wrapper runs where signed jobs alone may, and a forgery is kept", async () => {
  const [prefix, redis, keys] = [freshPrefix(), await redisClient(), newSecret()];
  const ran: string[] = [];
  const note = defineJob({ type: "note", handler: (_, job) => void ran.push(job.id) });
  const jobs = await connect(bullmqBackend({ url: await redisUrl(), prefix }), { log: "off", keys });
  onTestFinished(() => jobs.close());
  const [genuine, forged, plain] = [newId(), newId(), newId()];
  const body = (id: string): string => JSON.stringify({ spec: "waybill/1", id, type: "note", args: [{}] });
  const inbox = `${prefix}:inbox:default`;
  await redis.lpush(inbox, signedWrapper(keys, body(genuine)));
  await redis.lpush(inbox, signedWrapper(newSecret(), body(forged)));
  await redis.lpush(inbox, body(plain));
  await jobs.worker({ jobs: [note], signatures: "required" }).start();
  await expect.poll(async () => (await jobs.inspector?.deadLetters())?.length).toBe(2);
  await expect.poll(() => ran).toEqual([genuine]);
  const dead = (await jobs.inspector?.deadLetters()) ?? [];
  expect(dead.map(({ id, body: kept, reason }) => [id, kept, reason.code]).sort()).toEqual(
    [
      [forged, body(forged), "SIGNATURE_INVALID"],
      [plain, body(plain), "SIGNATURE_INVALID"],
    ].sort(),
  );
});
