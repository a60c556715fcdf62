/**
 * A record is a hash, and each filter a sorted set of ids by the time of the enqueue. KEYS[1] is the set of all, and what the other keys
 * begin with, so that all of them are in one slot of a Cluster. Fields of a hash: t(ype) q(ueue) n (tenant) e(nqueued) p(ayload) s(tate)
 * c(ode) m(essage) a(t) b (started) f (ended) r(ank) x (replaces), and "i:" with the name for each item. What is null has no field.
 */
const shared = `
local base = KEYS[1]
local function keyOf(id) return base .. ":r:" .. id end
local function setOf(field, value) return base .. ":" .. field .. ":" .. value end
-- Most records are of completed jobs, which are found without a set of their state.
local function isIndexed(field, value) return value and value ~= "" and not (field == "s" and value == "completed") end
local function add(field, value, score, id) if isIndexed(field, value) then redis.call("ZADD", setOf(field, value), score, id) end end
local function remove(field, value, id) if isIndexed(field, value) then redis.call("ZREM", setOf(field, value), id) end end
`;

/** ARGV: the changes as JSON, by the names of the fields, and when the newest was made. */
export const writeLua: string = `${shared}
local function text(value)
  if value == nil or value == cjson.null then return false end
  return type(value) == "number" and string.format("%.0f", value) or value
end
local function put(key, field, value)
  if value then redis.call("HSET", key, field, value) else redis.call("HDEL", key, field) end
end
for _, change in ipairs(cjson.decode(ARGV[1])) do
  local id, key = change.id, keyOf(change.id)
  local old = redis.call("HMGET", key, "t", "q", "n", "e", "s", "c", "a", "r", "x")
  local score = old[4] or text(change.e)
  local fields = {}
  local function set(field, value) if value then fields[#fields + 1] = field; fields[#fields + 1] = value end end
  for at, field in ipairs({ "t", "q", "n" }) do
    local value = text(change[field])
    if not old[at] or (old[at] == "" and value ~= "") then
      set(field, value)
      add(field, value, score, id)
    end
  end
  if not old[4] then
    redis.call("ZADD", base, score, id)
    set("e", score)
  end
  local payload = text(change.p)
  if payload then redis.call("HSETNX", key, "p", payload) end
  local at, rank = change.a, change.r
  local oldAt, oldRank = tonumber(old[7] or ""), tonumber(old[8] or "")
  local isNewer = not oldAt or rank > oldRank or (rank == oldRank and at >= oldAt) or change.x > oldAt
  local started = text(change.b)
  if isNewer then
    local state, code = text(change.s), text(change.c)
    if old[5] ~= state then remove("s", old[5], id) add("s", state, score, id) end
    if old[6] ~= code then remove("c", old[6], id) add("c", code, score, id) end
    set("s", state) set("a", text(at)) set("r", text(rank)) set("x", text(change.x))
    put(key, "c", code)
    put(key, "m", text(change.m))
    put(key, "f", text(change.f))
    set("b", started)
  elseif started then
    redis.call("HSETNX", key, "b", started)
  end
  if change.i ~= cjson.null then
    for name, value in pairs(change.i) do set("i:" .. name, value) end
  end
  for from = 1, #fields, 1000 do
    redis.call("HSET", key, unpack(fields, from, math.min(from + 999, #fields)))
  end
end
local newest = tonumber(redis.call("GET", base .. ":at") or 0)
if tonumber(ARGV[2]) > newest then redis.call("SET", base .. ":at", ARGV[2]) end
return 1
`;

/**
 * ARGV: the set as field and value ("" and "": of all), the score to begin at, the id to begin behind or "", the least score, the most
 * ids to look at, the most records to return, a text in lower case or "", and field and value of each other filter. Returns 1 if there is
 * more to look at or else 0, the score and the id that were looked at last, and each record as its id and its fields.
 */
export const findLua: string = `${shared}
local set = ARGV[1] == "" and base or setOf(ARGV[1], ARGV[2])
local from, behind, least, slice, most, needle = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local names, values = {}, {}
for at = 9, #ARGV, 2 do names[#names + 1] = ARGV[at]; values[#values + 1] = ARGV[at + 1] end
local function has(value) return value and string.find(string.lower(value), needle, 1, true) ~= nil end
local function matches(key)
  if #names > 0 then
    for at, value in ipairs(redis.call("HMGET", key, unpack(names))) do if value ~= values[at] then return false end end
  end
  if needle == "" then return true end
  local texts = redis.call("HMGET", key, "p", "m")
  return has(texts[1]) or has(texts[2])
end
local found, lastScore, lastId, looked, offset = {}, from, behind, 0, 0
-- An id is behind another of its time if it comes before it, as in the order of the set. Bytes are compared: "<" uses the locale.
local function isBehind(one, other)
  for at = 1, math.min(#one, #other) do
    local a, b = string.byte(one, at), string.byte(other, at)
    if a ~= b then return a < b end
  end
  return #one < #other
end
while looked < slice do
  local ids = redis.call("ZREVRANGEBYSCORE", set, from, least, "WITHSCORES", "LIMIT", offset, slice)
  if #ids == 0 then return { 0, lastScore, lastId, found } end
  for at = 1, #ids, 2 do
    local id, score = ids[at], ids[at + 1]
    if behind == "" or score ~= from or isBehind(id, behind) then
      looked = looked + 1
      if matches(keyOf(id)) then
        local fields = redis.call("HGETALL", keyOf(id))
        -- A record that another program deleted has no fields.
        if #fields > 0 then found[#found + 1] = { id, fields } end
      end
      lastScore, lastId = score, id
      if #found >= most then return { 1, lastScore, lastId, found } end
    end
  end
  offset = offset + slice
end
return { 1, lastScore, lastId, found }
`;

/** ARGV: the time before which, or "", how many may stay, or "", and the most to remove. Returns how many were removed. */
export const pruneLua: string = `${shared}
local limit = tonumber(ARGV[3])
local function removeAll(ids)
  for _, id in ipairs(ids) do
    local key = keyOf(id)
    local values = redis.call("HMGET", key, "t", "q", "n", "s", "c")
    for at, field in ipairs({ "t", "q", "n", "s", "c" }) do remove(field, values[at], id) end
    redis.call("DEL", key)
    redis.call("ZREM", base, id)
  end
  return #ids
end
local removed = 0
if ARGV[1] ~= "" then removed = removeAll(redis.call("ZRANGEBYSCORE", base, "-inf", "(" .. ARGV[1], "LIMIT", 0, limit)) end
if ARGV[2] ~= "" and removed < limit then
  local excess = math.min(redis.call("ZCARD", base) - tonumber(ARGV[2]), limit - removed)
  if excess > 0 then removed = removed + removeAll(redis.call("ZRANGE", base, 0, excess - 1)) end
end
return removed
`;
