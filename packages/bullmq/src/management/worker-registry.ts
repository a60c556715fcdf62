import type { Announced, WorkerRegistry } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import type { Keys } from "../scripts/keys.ts";

/** KEYS: the sorted set and the hash. */
const clock = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** ARGV: id, facts and ttlMs. Removes the workers whose time has passed. */
const announceLua = `${clock}
for _, id in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now)) do
  redis.call("ZREM", KEYS[1], id)
  redis.call("HDEL", KEYS[2], id)
end
redis.call("HSET", KEYS[2], ARGV[1], now .. " " .. ARGV[2])
redis.call("ZADD", KEYS[1], now + ARGV[3], ARGV[1])
`;

/** A worker that was heard in the future announced itself before the clock was set back: it does so again soon if it lives. */
const listLua = `${clock}
local live = {}
for _, id in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], "(" .. now, "+inf")) do
  local heard, facts = string.match(redis.call("HGET", KEYS[2], id) or "", "^(%d+) (.*)$")
  if heard and tonumber(heard) <= now then live[#live + 1] = { id, facts, now - heard } end
end
return live
`;

interface Commands {
  waybillAnnounce(keys: 2, workers: string, facts: string, id: string, text: string, ttlMs: number): Promise<null>;
  waybillWorkers(keys: 2, workers: string, facts: string): Promise<(readonly [string, string, number])[]>;
}

/** `call` rejects `BACKEND_CLOSED` once the backend is closed, and names the server in Redis's errors. */
export function createWorkerRegistry(
  client: Client,
  { workers, facts }: Keys,
  call: <T>(work: () => Promise<T>) => Promise<T>,
): WorkerRegistry {
  client.defineCommand("waybillAnnounce", { lua: announceLua });
  client.defineCommand("waybillWorkers", { lua: listLua });
  const commands = client as unknown as Commands;
  return {
    announce: (id, text, ttlMs) =>
      call(async () => void (await commands.waybillAnnounce(2, workers, facts, id, text, Math.ceil(ttlMs)))),
    withdraw: (id) => call(async () => void (await Promise.all([client.zrem(workers, id), client.hdel(facts, id)]))),
    list: () =>
      call(async () => {
        const live = await commands.waybillWorkers(2, workers, facts);
        const announced = live.map(([id, text, heardMs]): Announced => ({ id, facts: text, heardMs }));
        return announced.sort((a, b) => (a.id < b.id ? -1 : 1));
      }),
  };
}
