import { type Command, keyFunction } from "../scripts/lua.ts";
import type { Client } from "../connection/client.ts";

/**
 * Beside the keys of a BullMQ queue: a hash of the jobs that were set aside and not yet stored elsewhere, by id. BullMQ's own calls do not
 * touch it.
 */
const ASIDE = "waybill-import";

/**
 * ARGV: ids. Moves those that wait, are delayed or failed from the queue into the hash. The fields of a job are kept as they are, with the
 * score of the sorted set that it was in. Jobs of flows, the next job of a scheduler, and one whose id is in the hash are left. As BullMQ's own removeJob does
 * it, but for where it looks first: such a job is near the end of its list.
 */
const setAsideLua = `${keyFunction}
local function nextOfScheduler(id)
  local scheduler = redis.call("HGET", key(id), "rjk")
  local millis = scheduler and redis.call("ZSCORE", key("repeat"), scheduler)
  return millis and id == "repeat:" .. scheduler .. ":" .. millis
end

local function removed(id)
  for _, state in ipairs({ "delayed", "prioritized", "failed" }) do
    local score = redis.call("ZSCORE", key(state), id)
    if score then
      redis.call("ZREM", key(state), id)
      return state, score
    end
  end
  for _, state in ipairs({ "wait", "paused" }) do
    if redis.call("LREM", key(state), -1, id) == 1 then return state, "" end
  end
end

local aside = {}
for _, id in ipairs(ARGV) do
  local fields = redis.call("HGETALL", key(id))
  local isOfFlow = redis.call("HEXISTS", key(id), "parentKey") == 1 or redis.call("EXISTS", key(id) .. ":dependencies") == 1
  local isTaken = redis.call("HEXISTS", key("${ASIDE}"), id) == 1
  if #fields > 0 and not isTaken and not isOfFlow and not nextOfScheduler(id) then
    local state, score = removed(id)
    if state then
      local entry = cjson.encode({ id, state, score, fields })
      redis.call("HSET", key("${ASIDE}"), id, entry)
      local deduplication = redis.call("HGET", key(id), "deid")
      if deduplication and redis.call("GET", key("de:" .. deduplication)) == id then
        redis.call("DEL", key("de:" .. deduplication), key("dn:" .. deduplication))
      end
      redis.call("DEL", key(id), key(id) .. ":logs", key(id) .. ":processed", key(id) .. ":failed", key(id) .. ":unsuccessful")
      redis.call("XADD", key("events"), "MAXLEN", "~", 10000, "*", "event", "removed", "jobId", id, "prev", state)
      aside[#aside + 1] = entry
    end
  end
end
return aside
`;

/** The fields of one job as its hash has them, and where it was. */
export interface RawJob {
  readonly id: string;
  readonly state: string;
  /** Of a sorted set; "" of a list. */
  readonly score: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Sets jobs of one queue aside. */
export interface Aside {
  set(ids: readonly string[]): Promise<RawJob[]>;
  /** Those that are aside, about `limit` of them. */
  list(limit: number): Promise<RawJob[]>;
  forget(ids: readonly string[]): Promise<void>;
}

/** `base` is what the keys of the queue begin with. */
export function openAside(client: Client, base: string): Aside {
  client.defineCommand("waybillSetAside", { lua: setAsideLua });
  const { waybillSetAside } = client as unknown as { waybillSetAside: Command<string[]> };
  const setAside = waybillSetAside.bind(client);
  return {
    set: async (ids) => (await setAside(1, base, ...ids)).map(rawJob),
    async list(limit) {
      const found: string[] = [];
      let cursor = "0";
      do {
        const [next, entries] = await client.hscan(`${base}${ASIDE}`, cursor, "COUNT", limit);
        found.push(...entries.filter((_, at) => at % 2 === 1));
        cursor = next;
      } while (cursor !== "0" && found.length < limit);
      return found.map(rawJob);
    },
    forget: async (ids) => void (ids.length > 0 && (await client.hdel(`${base}${ASIDE}`, ...ids))),
  };
}

function rawJob(entry: string): RawJob {
  const [id, state, score, fields] = JSON.parse(entry) as [string, string, string, string[]];
  return { id, state, score, fields: fieldsOf(fields) };
}

/** From the flat list of HGETALL. */
function fieldsOf(list: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < list.length; at += 2) fields.set(list[at] as string, list[at + 1] as string);
  return fields;
}
