import type { ControlResult } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import { stateFunction } from "./describe-jobs.ts";
import { bullmqFunction, type Command, keyFunction } from "./lua.ts";
import { UNIQUE_FIELD } from "./job-fields.ts";
import { type OwnerKeys, uniqueFunctions } from "./unique-keys.ts";

/** ARGV: now, ids. Removes those that wait. Returns for each what became of it. */
const cancelLua = `${bullmqFunction("removeJob")}${keyFunction}${stateFunction}${uniqueFunctions}
local results = {}
for at = 2, #ARGV do
  local id = ARGV[at]
  local state = stateOf(id, tonumber(ARGV[1]))
  if state == "ready" or state == "delayed" then
    local unique = redis.call("HGET", key(id), "${UNIQUE_FIELD}")
    removeJob({ key(id), key("repeat") }, { id, "0", prefix })
    if unique and owners then removeOwner(unique, id, prefix) end
    state = "done"
  end
  results[#results + 1] = state or "absent"
end
return results
`;

/** ARGV: now, delayMs, ids. Makes those that wait ready after that time. Returns for each what became of it. */
const rescheduleLua = `${bullmqFunction("promote")}${bullmqFunction("changeDelay")}${keyFunction}${stateFunction}
local now, delayMs = tonumber(ARGV[1]), tonumber(ARGV[2])

-- Other members are untouched: these two are the last of what waybill writes, and numbers.
local function withDue(data)
  local head, releases = string.match(data, '^({"envelope":".*)(,"releases":%d+)}$')
  if not head then head, releases = string.match(data, '^({"envelope":".*)}$'), "" end
  if not head then return data end
  head = string.match(head, '^(.*),"dueAt":%d+$') or head
  local due = delayMs > 0 and string.format(',"dueAt":%.0f', now + delayMs) or ""
  return head .. due .. releases .. "}"
end

local function reschedule(id)
  redis.call("HSET", key(id), "data", withDue(redis.call("HGET", key(id), "data") or ""))
  if not redis.call("ZSCORE", key("delayed"), id) then
    if delayMs == 0 and redis.call("ZSCORE", key("prioritized"), id) then return end
    redis.call("ZREM", key("prioritized"), id)
    redis.call("LREM", key("wait"), 1, id)
    -- A worker lost it.
    redis.call("LREM", key("active"), 1, id)
    redis.call("ZADD", key("delayed"), now * 4096, id)
  end
  if delayMs > 0 then
    changeDelay({ key("delayed"), key("meta"), key("marker"), key("events") }, { ARGV[2], ARGV[1], id, key(id) })
  else
    promote({ key("delayed"), key("wait"), key("paused"), key("meta"), key("prioritized"), key("active"), key("pc"),
      key("events"), key("marker") }, { prefix, id })
  end
end

local results = {}
for at = 3, #ARGV do
  local state = stateOf(ARGV[at], now)
  if state == "ready" or state == "delayed" then
    reschedule(ARGV[at])
    state = "done"
  end
  results[#results + 1] = state or "absent"
end
return results
`;

/** Changes jobs of one queue. Each returns what became of each id, in order. */
export interface ChangeJobs {
  /** A unique key is free without its job, unless it is taken for a time. */
  cancel(base: string, ids: readonly string[]): Promise<ControlResult[]>;
  /** `delayMs` is whole milliseconds from now. */
  reschedule(base: string, ids: readonly string[], delayMs: number): Promise<ControlResult[]>;
}

export function defineChangeJobs(client: Client, owners: OwnerKeys): ChangeJobs {
  client.defineCommand("waybillCancel", { lua: cancelLua });
  client.defineCommand("waybillReschedule", { lua: rescheduleLua });
  const commands = client as unknown as Readonly<
    Record<"waybillCancel" | "waybillReschedule", Command<ControlResult[]>>
  >;
  return {
    cancel: (base, ids) => commands.waybillCancel(...owners.of(base, owners.wereUsed()), Date.now(), ...ids),
    reschedule: (base, ids, delayMs) => commands.waybillReschedule(1, base, Date.now(), delayMs, ...ids),
  };
}
