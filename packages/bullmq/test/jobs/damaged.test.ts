import { connect, defineJob, newId } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { oddValues } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { fromUrl } from "../../src/index.ts";
import { freshPrefix, redisClient, redisUrl } from "../redis.ts";

const COUNT = 200;

async function connected(prefix: string, url?: string) {
  const jobs = await connect(fromUrl(`${url ?? (await redisUrl())}?prefix=${prefix}`), { log: "off" });
  onTestFinished(() => jobs.close());
  return jobs;
}

test("a job in our queue whose data has our members with other types is rejected, and ten of them stop no worker", async () => {
  const [prefix, redis, ran] = [freshPrefix(), await redisClient(), [] as string[]];
  const jobs = await connected(prefix);
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const envelope = (): string => JSON.stringify({ spec: "waybill/1", id: newId(), type: "good", args: [{}] });
  const data = [1, null, {}, [], true].flatMap((odd) => [
    { envelope: envelope(), tenant: odd },
    { envelope: envelope(), signature: odd, dueAt: String(odd), releases: odd },
  ]);
  // JSON's last member of a name counts, so that this begins as ours does.
  const twice = [1, null, {}, [], true].map((odd) => `{"envelope":"","envelope":${JSON.stringify(odd)}}`);
  const all = [...data.map((one) => JSON.stringify(one)), ...twice];
  for (const [at, text] of all.entries()) await foreign(redis, `${prefix}:default`, `odd-${at}`, { data: text });
  await jobs.worker({ jobs: [good], concurrency: 2 }).start();
  const { id } = await jobs.enqueue(good, {});
  await expect.poll(() => ran, { timeout: 10_000 }).toEqual([id]);
  await expect.poll(() => jobs.inspector?.deadLetters(), { timeout: 10_000 }).toHaveLength(all.length);
});

/** As BullMQ's own scripts leave a job that is ready. */
async function foreign(
  redis: Awaited<ReturnType<typeof redisClient>>,
  queue: string,
  id: string,
  hash: Readonly<Record<string, string>>,
): Promise<void> {
  if (Object.keys(hash).length > 0) await redis.hset(`${queue}:${id}`, hash);
  await redis.lpush(`${queue}:wait`, id);
}

test(`${COUNT} hashes and entries that other programs wrote are rejected, listed and dropped, and good jobs run beside them`, async () => {
  const [prefix, redis, odd] = [freshPrefix(), await redisClient(), oddValues(23)];
  const jobs = await connected(prefix);
  const [ran, ids]: [string[], string[]] = [[], []];
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const rejections: string[] = [];
  jobs.events.on("rejected", ({ id }) => void rejections.push(id));
  const metrics = jobMetrics(jobs);
  const ours = { envelope: "{}", tenant: "acme", signature: { timestamp: 1, value: "v1,x" }, dueAt: 1, releases: 0 };
  const plain = {
    name: "good",
    data: "",
    opts: "{}",
    priority: "0",
    timestamp: "1",
    delay: "0",
    atm: "0",
    ats: "0",
    stc: "0",
  };
  const others = { parent: "", progress: "", processedOn: "", finishedOn: "", failedReason: "", pb: "" };
  for (let count = 0; count < COUNT; count += 1) {
    if (count % 10 === 0) ids.push((await jobs.enqueue(good, { count })).id);
    const hash: Record<string, string> = { ...plain };
    hash["data"] = odd.pick([
      JSON.stringify(odd.mutated(ours)),
      odd.garbled(JSON.stringify(ours)),
      JSON.stringify(odd.json()) ?? "",
    ]);
    for (let change = odd.below(3); change > 0; change -= 1) {
      const name = odd.pick([...Object.keys(plain), ...Object.keys(others)]);
      // How many of its workers a job has lost decides how soon it runs; here it is odd, or few.
      hash[name] = name === "stc" ? odd.pick(["x", "{}", "1.5"]) : odd.pick([odd.text(), String(odd.number()), "{bad"]);
      if (odd.below(4) === 0) delete hash[name];
    }
    await foreign(redis, `${prefix}:default`, `odd-${count}`, hash);
  }
  // Beside them: an id without a hash, and keys of another type.
  await foreign(redis, `${prefix}:default`, "nothing", {});
  await redis.set(`${prefix}:default:text`, "no hash");
  await foreign(redis, `${prefix}:default`, "text", {});
  for (let count = 0; count < 30; count += 1)
    await redis.lpush(`${prefix}:inbox:default`, odd.garbled('{"spec":"waybill/1"}'));
  await jobs.worker({ jobs: [good] }).start();
  const list = async () => (await jobs.inspector?.deadLetters({ limit: Infinity })) ?? [];
  const refused = COUNT + 2 + 30;
  await expect.poll(async () => (await list()).length, { timeout: 20_000 }).toBe(refused);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(ids.length);
  expect(ran.toSorted()).toEqual(ids.toSorted());
  await expect.poll(() => rejections.length).toBe(refused);
  expect((await list()).map(({ id }) => id).toSorted()).toEqual(rejections.toSorted());
  // What is kept is spoilt once more, where only inspectors look.
  const entries = [
    "not JSON",
    "null",
    "{}",
    '{"id":1}',
    JSON.stringify({ id: "a", code: "A", message: "", at: 1e300, body: "" }),
  ];
  await redis.lpush(`${prefix}:inbox:default:rejected`, ...entries);
  await redis.del(`${prefix}:default:odd-1`);
  await redis.hset(`${prefix}:default:odd-2`, { opts: "{bad", progress: "{bad", atm: "x", failedReason: "" });
  await redis.del(`${prefix}:default:odd-3`);
  await redis.set(`${prefix}:default:odd-3`, "no hash any more");
  const letters = await list();
  expect(letters).toHaveLength(refused + entries.length);
  expect(
    letters
      .filter(({ damage }) => damage !== undefined)
      .map(({ id }) => id.slice(0, 7))
      .toSorted(),
  ).toEqual([...entries.map(() => "damaged"), "odd-1", "odd-3"].toSorted());
  for (const { diedAt, attempt } of letters) {
    expect(() => new Date(diedAt ?? 0).toISOString()).not.toThrow();
    expect(attempt).toBeGreaterThanOrEqual(0);
  }
  expect((await jobs.inspector?.counts())?.[0]?.dead).toBe(letters.length);
  expect(await metrics.prometheus()).toContain("waybill_dead_total");
  expect(await jobs.inspector?.replay({ ids: ["odd-1", "odd-3"] })).toBe(0);
  expect(await jobs.inspector?.replay({ ids: ["odd-2"] })).toBe(1);
  await expect.poll(async () => (await list()).length, { timeout: 10_000 }).toBe(letters.length);
  expect(await jobs.inspector?.drop({ limit: Infinity })).toBe(letters.length);
  expect(await list()).toEqual([]);
});

test("an inbox that is no list is said once, by its key, and is seen in health and in the counts; jobs run beside it", async () => {
  const [prefix, redis, ran] = [freshPrefix(), await redisClient(), [] as string[]];
  await redis.set(`${prefix}:inbox:default`, "a string");
  const jobs = await connected(prefix);
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const said: string[] = [];
  jobs.events.on("unavailable", ({ message }) => void said.push(message));
  const worker = jobs.worker({ jobs: [good] });
  await worker.start();
  const { id } = await jobs.enqueue(good, {});
  await jobs.enqueue(good, {}, { queue: "other" });
  await expect.poll(() => ran, { timeout: 5_000 }).toEqual([id]);
  const named = expect.stringContaining(`the key "${prefix}:inbox:default" holds`) as string;
  await expect.poll(() => said, { timeout: 5_000 }).toEqual([named]);
  expect(worker.health()).toMatchObject({ state: "unavailable", message: named });
  expect(await jobs.inspector?.counts()).toMatchObject([
    { queue: "default", ready: 0, unreadable: [named] },
    { queue: "other", ready: 1 },
  ]);
  const recovered = new Promise((resolve) => jobs.events.on("recovered", resolve));
  await redis.del(`${prefix}:inbox:default`);
  await recovered;
  expect(said).toHaveLength(1);
});

test("an inbox that the user may not use is said by its key, with what to grant", async () => {
  const [prefix, redis] = [freshPrefix(), await redisClient()];
  const user = prefix.replaceAll("-", "");
  await redis.call(
    "ACL",
    "SETUSER",
    user,
    "on",
    ">secret",
    "+@all",
    `~${prefix}:default:*`,
    `~${prefix}:queues`,
    `~${prefix}:worker*`,
  );
  onTestFinished(async () => void (await (await redisClient()).call("ACL", "DELUSER", user)));
  const url = new URL(await redisUrl());
  Object.assign(url, { username: user, password: "secret" });
  const jobs = await connected(prefix, url.href);
  const good = defineJob({ type: "good", handler: () => undefined });
  const said = new Promise<string>((resolve) => jobs.events.on("unavailable", ({ message }) => resolve(message)));
  await jobs.worker({ jobs: [good] }).start();
  await jobs.enqueue(good, {});
  expect(await said).toMatch(new RegExp(`key "${prefix}:inbox:default:.*ACL SETUSER <user> ~${prefix}:\\* \\+@all`));
  expect((await jobs.inspector?.counts())?.[0]?.unreadable?.join()).toContain(
    `LLEN on the key "${prefix}:inbox:default"`,
  );
});
