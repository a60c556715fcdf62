import type { Ledger, LedgerCommit } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { freshPrefix, open, redisClient, redisUrl } from "../redis.ts";

const keysOf = (records: readonly { readonly key: string }[]): string[] => records.map(({ key }) => key);

async function put(ledger: Ledger, keys: readonly string[], times = {}): Promise<LedgerCommit> {
  return ledger.commit(keys.map((key) => ({ key, ifVersion: "any" as const, value: `of ${key}`, ...times })));
}

test("an index of the ledger that Redis evicted is built again by the next call that needs it", async () => {
  const prefix = freshPrefix();
  const { ledger } = await open({ prefix });
  const redis = await redisClient();
  await put(ledger, ["a/1", "a/2"], { dueInMs: 0, expiresInMs: 60_000 });
  for (const index of ["by-key", "by-due", "by-expiry"]) {
    await redis.del(`${prefix}:ledger-${index}`);
    expect(keysOf(await ledger.list({ prefix: "a/", limit: 10 }))).toEqual(["a/1", "a/2"]);
    await redis.del(`${prefix}:ledger-${index}`);
    expect(keysOf(await ledger.due({ prefix: "a/", limit: 10 }))).toEqual(["a/1", "a/2"]);
    await redis.del(`${prefix}:ledger-${index}`);
    await put(ledger, ["b/1"]);
    expect(await redis.zcard(`${prefix}:ledger-by-expiry`)).toBe(3);
  }
});

test("a record that is gone or that another program wrote leaves the lists, and its key can be written", async () => {
  const prefix = freshPrefix();
  const { ledger } = await open({ prefix });
  const redis = await redisClient();
  await put(ledger, ["a/1", "a/2", "a/3"], { dueInMs: 0 });
  await redis.hdel(`${prefix}:ledger`, "a/1");
  await redis.hset(`${prefix}:ledger`, "a/2", "nonsense");
  expect(keysOf(await ledger.list({ prefix: "a/", limit: 10 }))).toEqual(["a/3"]);
  expect(keysOf(await ledger.due({ prefix: "a/", limit: 10 }))).toEqual(["a/3"]);
  expect(await ledger.read(["a/1", "a/2"])).toEqual([null, null]);
  expect(await redis.zrange(`${prefix}:ledger-by-key`, "0", "-1")).toEqual(["", "a/3"]);
  expect((await ledger.commit([{ key: "a/2", ifVersion: "absent", value: "again" }])).ok).toBe(true);
});

test("what has expired is removed by later commits, however much it is", async () => {
  const prefix = freshPrefix();
  const { ledger } = await open({ prefix });
  const redis = await redisClient();
  const many = Array.from({ length: 300 }, (_, index) => `old/${index}`);
  await put(ledger, many, { expiresInMs: 1, dueInMs: 0 });
  await expect
    .poll(
      async () => {
        await put(ledger, ["new"]);
        return redis.hkeys(`${prefix}:ledger`);
      },
      { timeout: 10_000, interval: 5 },
    )
    .toEqual(["", "new"]);
  const sizes = ["key", "due", "expiry"].map((index) => redis.zcard(`${prefix}:ledger-by-${index}`));
  expect(await Promise.all(sizes)).toEqual([2, 1, 1]);
});

test("versions go on after Redis has lost the whole ledger", async () => {
  const prefix = freshPrefix();
  const { ledger } = await open({ prefix });
  const redis = await redisClient();
  const before = await put(ledger, ["a"]);
  await redis.del(`${prefix}:ledger`);
  expect(await ledger.list({ prefix: "", limit: 10 })).toEqual([]);
  const after = await put(ledger, ["a"]);
  expect(before.ok && after.ok && (after.versions[0] ?? 0) > (before.versions[0] ?? 0)).toBe(true);
});

test("a user without the right to channels commits what notifies, and its watch says that it reports nothing", async () => {
  const prefix = freshPrefix();
  const admin = await redisClient();
  const user = `mute-${crypto.randomUUID()}`;
  await admin.acl("SETUSER", user, "on", ">secret", `~${prefix}:*`, "resetchannels", "+@all", "-@dangerous", "+info");
  const url = new URL(await redisUrl());
  url.username = user;
  url.password = "secret";
  const { ledger } = await open({ url: url.href, prefix });
  let calls = 0;
  const watch = ledger.watch?.("a/1", () => (calls += 1));
  const change = { key: "a/1", ifVersion: "absent", value: "1", notify: true } as const;
  expect(await ledger.commit([change])).toMatchObject({ ok: true });
  expect(await ledger.read(["a/1"])).toMatchObject([{ value: "1" }]);
  await expect.poll(async () => JSON.stringify(await admin.acl("LOG"))).toContain(user);
  expect([watch?.isReporting(), calls]).toEqual([false, 0]);
  watch?.end();
  await admin.acl("DELUSER", user);
});

test("a list of 1,000 records of 64 KiB and a commit of 1,000 changes are one call each", async () => {
  const { ledger } = await open({ prefix: freshPrefix() });
  const value = "x".repeat(65_536);
  const keys = Array.from({ length: 1_000 }, (_, index) => `a/${String(index).padStart(4, "0")}`);
  expect((await ledger.commit(keys.map((key) => ({ key, ifVersion: "absent", value })))).ok).toBe(true);
  const listed = await ledger.list({ prefix: "a/", limit: 1_000 });
  expect(keysOf(listed)).toEqual(keys);
  expect(listed.every((record) => record.value === value)).toBe(true);
  expect(keysOf(await ledger.list({ prefix: "a/", after: "a/0997", limit: 1_000 }))).toEqual(["a/0998", "a/0999"]);
});
