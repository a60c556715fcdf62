import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { startRedis } from "@waybill/test-servers";
import { childrenOf } from "@waybill/test-servers/fixtures";
import type { Redis } from "ioredis";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { lease, message, open, redisClient } from "../redis.ts";

const start = childrenOf(new URL("../children/race-for-keys.ts", import.meta.url), afterAll);

/** Returns, in one step of Redis, the keys that more unfinished jobs have than may: of odd numbers more that never started. */
const doublesLua = `
local jobs, doubles = {}, {}
for _, queue in ipairs({ "default", "other" }) do
  local base = ARGV[1] .. ":" .. queue .. ":"
  local ids = redis.call("ZRANGE", base .. "prioritized", 0, -1)
  for _, id in ipairs(redis.call("ZRANGE", base .. "delayed", 0, -1)) do ids[#ids + 1] = id end
  for _, id in ipairs(redis.call("LRANGE", base .. "active", 0, -1)) do ids[#ids + 1] = id end
  for _, id in ipairs(ids) do
    local unique, starts = unpack(redis.call("HMGET", base .. id, "waybill-unique", "ats"))
    if string.match(unique, "^end ") or tonumber(starts or 0) == 0 then
      if jobs[unique] then doubles[#doubles + 1] = unique end
      jobs[unique] = id
    end
  end
end
return doubles
`;

test("while producers race for keys, workers die and Redis restarts, a key has one job and none stays taken", async () => {
  const server = await startRedis({ appendfsync: "always" });
  onTestFinished(() => server.stop());
  const redis: Redis = await redisClient(server.url);
  redis.on("error", () => undefined);
  const prefix = "race";
  const doubles: unknown[] = [];
  let looks = 0;
  const race = new AbortController();
  const over = once(race.signal, "abort");
  onTestFinished(() => race.abort());
  async function watch(): Promise<void> {
    for (; !race.signal.aborted; looks += 1) {
      doubles.push(...((await redis.eval(doublesLua, 0, prefix).catch(() => [])) as unknown[]));
      await sleep(20);
    }
  }
  async function killWorkers(): Promise<void> {
    while (!race.signal.aborted) {
      const worker = start(["work", server.url, prefix]);
      await Promise.race([worker.firstLines(15).catch(() => undefined), over]);
      worker.kill();
      await worker.ended;
    }
  }
  const background = [watch(), killWorkers(), killWorkers()];
  const producers = Array.from({ length: 4 }, () => start(["produce", server.url, prefix]));
  await Promise.all(producers.map((producer) => producer.firstLines(200)));
  await server.kill();
  await server.restart();
  expect(await Promise.all(producers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
  race.abort();
  await Promise.all(background);
  const fates = producers.flatMap((producer) => producer.lines());
  for (const fate of ["stored", "ignored", "DUPLICATE_JOB"]) expect(fates).toContain(fate);
  expect(looks).toBeGreaterThan(10);
  expect(doubles).toEqual([]);

  const backend = await open({ url: server.url, prefix });
  for (const queue of ["default", "other"]) {
    for (let idle = 0; idle < 2; idle += 1) {
      const leases = await lease(backend, { queue, limit: 100, waitMs: 1_500 });
      await backend.ack(leases.slice(0, 25));
      for (const rest of leases.slice(25)) await backend.ack([rest]);
      if (leases.length > 0) idle = -1;
    }
  }
  const afterwards = Array.from({ length: 100 }, (_, number) => ({
    ...message({ type: "shop.sync" }),
    unique: { key: `shop ${number}`, until: "end" as const, onConflict: "reject" as const },
  }));
  for (let at = 0; at < 100; at += 25) {
    const results = await backend.enqueue(afterwards.slice(at, at + 25));
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  }
});
