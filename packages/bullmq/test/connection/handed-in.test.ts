import { Redis, type RedisOptions } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { bullmqBackend } from "../../src/index.ts";
import { context, freshPrefix, lease, message, redisUrl, removePrefix } from "../redis.ts";

async function clientWith(options: RedisOptions): Promise<Redis> {
  const client = new Redis(await redisUrl(), options as Omit<RedisOptions, "replyMapping">);
  client.on("error", () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

/** Options an owner may have chosen that change what commands do and how replies look. */
const THEIRS: readonly RedisOptions[] = [
  { stringNumbers: true },
  { replyMapping: "resp3" },
  { enableAutoPipelining: true },
  { commandTimeout: 50 },
  { blockingTimeout: 50 },
  { enableReadyCheck: false, lazyConnect: true },
  { maxRetriesPerRequest: null, enableOfflineQueue: true },
  { db: 3 },
];

test.for(THEIRS)("a client with %j serves as any other, and keeps its own listeners alone", async (options) => {
  const client = await clientWith(options);
  const listeners = client.eventNames().map((name) => [name, client.listenerCount(name)]);
  const prefix = freshPrefix();
  const backend = await bullmqBackend({ client, prefix })(context);
  await backend.enqueue([message({ id: "one" }), message({ id: "two", delayMs: 300 })]);
  const [one] = await lease(backend, { waitMs: 5_000 });
  expect(one).toMatchObject({ id: "one", attempt: 1, lost: 0, releases: 0 });
  if (one) await backend.retry(one, { delayMs: 0, countsAttempt: true });
  // On a slow machine the delay of the second may be over before the first is back.
  const leases = [await lease(backend, { waitMs: 5_000 }), await lease(backend, { waitMs: 5_000 })].flat();
  const [again, two] = leases.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(again).toMatchObject({ id: "one", attempt: 2 });
  expect(two).toMatchObject({ id: "two" });
  expect(await backend.inspector.counts()).toMatchObject([{ ready: 0, delayed: 0, leased: 2 }]);
  if (again && two) expect(await backend.ack([again, two])).toMatchObject([{ ok: true }, { ok: true }]);
  await backend.close();
  expect(client.eventNames().map((name) => [name, client.listenerCount(name)])).toEqual(listeners);
  await removePrefix(prefix);
});

test("a client with a keyPrefix is refused, since scripts would write beside it", async () => {
  const client = await clientWith({ keyPrefix: "app:", lazyConnect: true });
  expect(() => bullmqBackend({ client })).toThrow(/keyPrefix "app:".*name the prefix by `prefix`/);
});

test("an owner who closes the client in the middle takes nothing from us", async () => {
  const client = await clientWith({});
  const prefix = freshPrefix();
  const backend = await bullmqBackend({ client, prefix })(context);
  client.disconnect();
  expect(await backend.enqueue([message()])).toMatchObject([{ ok: true }]);
  expect(await lease(backend, { waitMs: 5_000 })).toHaveLength(1);
  await backend.close();
  await removePrefix(prefix);
});
