import { UNIQUE_FIELD } from "./job-fields.ts";

/**
 * Lua functions on the unique keys of all queues of a prefix. KEYS[2] is a hash: "TYPE KEY" to "TERM ID PREFIX", the last two
 * of its owner, the job that has the key. A term is "end" or "start", or the Unix milliseconds by Redis's clock until which the
 * key is taken. KEYS[3] is a sorted set of the keys with such a time. The hash says only which job to look at: whether the key
 * is taken is read from that job, so that no crash and no other program leaves a key taken. A call without unique keys does
 * not name the two, so that a Redis user needs no right on them.
 */
export const uniqueFunctions: string = `
local owners, timedOwners = KEYS[2], KEYS[3]
local function redisNow()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Returns the id of the job that has a key, and the prefix of its queue. Nil: the key is free.
local function ownerOf(field)
  local term, id, base = string.match(redis.call("HGET", owners, field) or "", "^(%S+) (%S+) (%S+)$")
  if not term then return nil end
  if tonumber(term) then return tonumber(term) > redisNow() and id or nil, base end
  local unique, finished, starts = unpack(redis.call("HMGET", base .. id, "${UNIQUE_FIELD}", "finishedOn", "ats"))
  if unique ~= term .. " " .. field or finished then return nil end
  if term == "start" and (tonumber(starts) or 0) > 0 then return nil end
  return id, base
end

-- Whether a job waits and was never leased.
local function isFresh(id, base)
  if (tonumber(redis.call("HGET", base .. id, "ats") or 0) or 0) > 0 then return false end
  return redis.call("ZSCORE", base .. "prioritized", id) or redis.call("ZSCORE", base .. "delayed", id)
end

local function split(unique)
  return string.match(unique, "^(%S+) (.*)$")
end

local function endAt(term, field)
  redis.call("ZADD", timedOwners, term, field)
  for _, passed in ipairs(redis.call("ZRANGEBYSCORE", timedOwners, "-inf", redisNow(), "LIMIT", 0, 3)) do
    local at = tonumber(string.match(redis.call("HGET", owners, passed) or "", "^%S+"))
    if at and at <= redisNow() then redis.call("HDEL", owners, passed) end
    redis.call("ZREM", timedOwners, passed)
  end
end

-- Returns false for a key that is in the hash.
local function addOwner(field, term, id, base)
  if redis.call("HSETNX", owners, field, term .. " " .. id .. " " .. base) == 0 then return false end
  if tonumber(term) then endAt(term, field) end
  return true
end
local function setOwner(field, term, id, base)
  redis.call("HSET", owners, field, term .. " " .. id .. " " .. base)
  if tonumber(term) then endAt(term, field) end
end

-- A job has ended. A key that is taken for a time stays so.
local function removeOwner(unique, id, base)
  local term, field = split(unique)
  local own = (term or "") .. " " .. id .. " " .. base
  if term and not tonumber(term) and redis.call("HGET", owners, field) == own then redis.call("HDEL", owners, field) end
end
`;

/** The keys that calls name: with unique keys also those of `uniqueFunctions`. */
export interface OwnerKeys {
  /** Returns the number of keys and the keys. */
  of(base: string, unique: boolean): [count: number, base: string, ...string[]];
  /** Whether a call of this process had unique keys. */
  wereUsed(): boolean;
}

export function createOwnerKeys(owners: readonly [string, string]): OwnerKeys {
  let used = false;
  return {
    of(base, unique) {
      if (!unique) return [1, base];
      used = true;
      return [3, base, ...owners];
    },
    wereUsed: () => used,
  };
}
