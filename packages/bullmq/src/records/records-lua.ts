/**
 * A record is a hash, and each filter a sorted set of ids by the time of the enqueue. KEYS[1] is the set of all, and what the other keys
 * begin with, so that all of them are in one slot of a Cluster. Fields of a hash: t(ype) q(ueue) n (tenant) p(ayload) s(tate) c(ode)
 * m(essage), "i:" with the name for each item, and v: the time of the enqueue, that of the state, rank, replaces, start and end, which may
 * be empty, then "p" if there is a payload and "m" if there is a message, all separated by commas. What is null has no field.
 */
const shared = `
local base = KEYS[1]
local function keyOf(id) return base .. ":r:" .. id end
local function setOf(field, value) return base .. ":" .. field .. ":" .. value end
-- Most records are of completed jobs, which are found without a set of their state.
local function isIndexed(field, value) return value and value ~= "" and not (field == "s" and value == "completed") end
-- A command costs more than what it adds or removes, so each set gets one of each for all records of a script.
local added, removed = {}, {}
local function listOf(lists, set)
  local list = lists[set]
  if not list then list = {} lists[set] = list end
  return list
end
local function addTo(set, score, id) local list = listOf(added, set) list[#list + 1] = score list[#list + 1] = id end
local function removeFrom(set, id) local list = listOf(removed, set) list[#list + 1] = id end
local function add(field, value, score, id) if isIndexed(field, value) then addTo(setOf(field, value), score, id) end end
local function remove(field, value, id) if isIndexed(field, value) then removeFrom(setOf(field, value), id) end end
local function changeSets()
  for set, list in pairs(removed) do redis.call("ZREM", set, unpack(list)) end
  for set, list in pairs(added) do redis.call("ZADD", set, unpack(list)) end
end
`;

/**
 * ARGV: when the newest change was made, then for each change its id, enqueue, state, time of the state, rank, replaces, start or "", end
 * or "", and after a number of fields these as name and value: those of a hash that are not null.
 */
export const writeLua: string = `${shared}
local function putAll(key, list)
  for from = 1, #list, 1000 do redis.call("HSET", key, unpack(list, from, math.min(from + 999, #list))) end
end
local function merge(id, key, old, times, fields, change)
  local score, oldAt, oldRank, oldReplaces, oldStart, oldEnd, has = unpack(times)
  local start, list = change[5], {}
  local function set(field, value) list[#list + 1] = field list[#list + 1] = value end
  local at, rank = tonumber(change[2]), tonumber(change[3])
  local wasAt, wasRank = tonumber(oldAt), tonumber(oldRank)
  local isNewer = rank > wasRank or (rank == wasRank and at >= wasAt) or tonumber(change[4]) > wasAt
  local known = { t = old[3], q = old[4], n = old[5] }
  local code, message
  for at = 1, #fields, 2 do
    local field, value = fields[at], fields[at + 1]
    if field == "c" then code = value
    elseif field == "m" then message = value
    elseif field == "p" then
      if not string.find(has, "p") then set(field, value) has = has .. "p" end
    elseif known[field] == nil then set(field, value)
    elseif not known[field] then set(field, value) add(field, value, score, id) end
  end
  if isNewer then
    local state, hadMessage = change[1], string.find(has, "m")
    if old[2] ~= state then
      remove("s", old[2], id)
      add("s", state, score, id)
      set("s", state)
    end
    if old[6] ~= (code or false) then
      remove("c", old[6], id)
      add("c", code, score, id)
      if code then set("c", code) else redis.call("HDEL", key, "c") end
    end
    if message then set("m", message) elseif hadMessage then redis.call("HDEL", key, "m") end
    has = string.gsub(has, "m", "") .. (message and "m" or "")
    oldAt, oldRank, oldReplaces, oldEnd = change[2], change[3], change[4], change[6]
    if start ~= "" then oldStart = start end
  elseif oldStart == "" then
    oldStart = start
  end
  set("v", table.concat({ score, oldAt, oldRank, oldReplaces, oldStart, oldEnd, has }, ","))
  putAll(key, list)
end
-- Nil for what another program wrote: the record then begins anew.
local function timesOf(old)
  local times = old and { string.match(old, "^(%d+),(%d+),(%d+),(-?%d+),(%d*),(%d*),(%a*)$") } or {}
  return times[1] and times
end
local from = 2
while from <= #ARGV do
  local id, score, count = ARGV[from], ARGV[from + 1], 2 * tonumber(ARGV[from + 8])
  local key, first = keyOf(id), from + 9
  local old = redis.call("HMGET", key, "v", "s", "t", "q", "n", "c")
  local change = { unpack(ARGV, from + 2, from + 7) }
  local fields, times = {}, timesOf(old[1])
  for at = 1, count do fields[at] = ARGV[first + at - 1] end
  if times then merge(id, key, old, times, fields, change)
  else
    local has = ""
    addTo(base, score, id)
    add("s", change[1], score, id)
    for at = 1, count, 2 do
      local field = fields[at]
      if field == "p" or field == "m" then has = has .. field
      elseif #field == 1 then add(field, fields[at + 1], score, id) end
    end
    fields[count + 1], fields[count + 2], fields[count + 3] = "s", change[1], "v"
    fields[count + 4] = score .. "," .. table.concat(change, ",", 2) .. "," .. has
    putAll(key, fields)
  end
  from = first + count
end
changeSets()
local newest = tonumber(redis.call("GET", base .. ":at") or 0)
if tonumber(ARGV[1]) > newest then redis.call("SET", base .. ":at", ARGV[1]) end
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
    removeFrom(base, id)
  end
  changeSets()
  removed = {}
  return #ids
end
local count = 0
if ARGV[1] ~= "" then count = removeAll(redis.call("ZRANGEBYSCORE", base, "-inf", "(" .. ARGV[1], "LIMIT", 0, limit)) end
if ARGV[2] ~= "" and count < limit then
  local excess = math.min(redis.call("ZCARD", base) - tonumber(ARGV[2]), limit - count)
  if excess > 0 then count = count + removeAll(redis.call("ZRANGE", base, 0, excess - 1)) end
end
return count
`;
