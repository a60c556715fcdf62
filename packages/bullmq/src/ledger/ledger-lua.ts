/**
 * The records are one hash: key to "VERSION DUE EXPIRY VALUE", both times in Unix milliseconds of Redis's clock, or empty. Its
 * field "" has the last version. Three sorted sets are indexes: by key, by due time and by expiry. KEYS are these four.
 */
const shared = `
local records, byKey, byDue, byExpiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Nil for what is no record: it has expired, or another program wrote it.
local function parsed(text)
  local version, due, expiry, value = string.match(text or "", "^(%d+) (%d*) (%d*) (.*)$")
  if not version or (expiry ~= "" and tonumber(expiry) <= now) then return nil end
  return { version = version, due = due, expiry = expiry, value = value }
end
local function shown(key, record)
  return { key, record.version, record.due == "" and "" or tonumber(record.due) - now, record.value }
end
`;

const indexes = `
local function index(key, record)
  redis.call("ZADD", byKey, 0, key)
  if record.due ~= "" then redis.call("ZADD", byDue, record.due, key) end
  if record.expiry ~= "" then redis.call("ZADD", byExpiry, record.expiry, key) end
end
local function unindex(key)
  redis.call("ZREM", byKey, key)
  redis.call("ZREM", byDue, key)
  redis.call("ZREM", byExpiry, key)
end
local function forget(key)
  redis.call("HDEL", records, key)
  unindex(key)
end

-- Each index has the member "", which no range includes. An index without it was evicted, and is built again.
local function heal()
  local score = function(set) return redis.call("ZSCORE", set, "") end
  if score(byKey) and score(byDue) and score(byExpiry) then return end
  redis.call("DEL", byKey, byDue, byExpiry)
  redis.call("ZADD", byKey, 0, "")
  redis.call("ZADD", byDue, "+inf", "")
  redis.call("ZADD", byExpiry, "+inf", "")
  for _, key in ipairs(redis.call("HKEYS", records)) do
    local record = key ~= "" and parsed(redis.call("HGET", records, key))
    if record then index(key, record) elseif key ~= "" then redis.call("HDEL", records, key) end
  end
end

local function sweep(most)
  for _, key in ipairs(redis.call("ZRANGEBYSCORE", byExpiry, "-inf", now, "LIMIT", 0, most)) do
    if parsed(redis.call("HGET", records, key)) then redis.call("ZREM", byExpiry, key) else forget(key) end
  end
end

-- Adds the records of some keys to a reply, and forgets the keys that have none any more.
local function show(keys, reply)
  if #keys == 0 then return end
  for at, text in ipairs(redis.call("HMGET", records, unpack(keys))) do
    local record = parsed(text)
    if record then reply[#reply + 1] = shown(keys[at], record) else forget(keys[at]) end
  end
end
`;

/** ARGV: keys. Returns for each its record, or 0. */
export const readLua: string = `${shared}
local reply = {}
for at, text in ipairs(redis.call("HMGET", records, unpack(ARGV))) do
  local record = parsed(text)
  reply[at] = record and shown(ARGV[at], record) or 0
end
return reply
`;

/**
 * ARGV: of each change its key, condition, due and expiry in milliseconds from now or "", and "=" with the value or "" to
 * delete, or "!" with the value to publish to the channel of the key as well. Returns 1 and the versions, or 0 and the keys whose condition does not hold. A version is at least Redis's clock in
 * microseconds, so that it does not return either when a failover loses the last ones.
 */
export const commitLua: string = `${shared}${indexes}
local keys, conflicts, versions = {}, {}, {}
for at = 1, #ARGV, 5 do keys[#keys + 1] = ARGV[at] end
local before = redis.call("HMGET", records, unpack(keys))
for at, key in ipairs(keys) do
  local condition, record = ARGV[at * 5 - 3], parsed(before[at])
  if condition ~= "any" and condition ~= (record and record.version or "absent") then conflicts[#conflicts + 1] = key end
end
if #conflicts > 0 then return { 0, conflicts } end
-- A few more than this commit can add, so that what has expired never piles up.
sweep(#keys + 10)
heal()
local function moment(ms) return ms == "" and "" or string.format("%.0f", now + ms) end
local version = math.max(tonumber(redis.call("HGET", records, "") or 0) or 0, time[1] * 1000000 + time[2])
for at, key in ipairs(keys) do
  local due, expiry, value = moment(ARGV[at * 5 - 2]), moment(ARGV[at * 5 - 1]), ARGV[at * 5]
  if before[at] then unindex(key) end
  if value == "" then
    redis.call("HDEL", records, key)
    versions[at] = "0"
  else
    version = version + 1
    versions[at] = string.format("%.0f", version)
    index(key, { due = due, expiry = expiry })
    redis.call("HSET", records, key, versions[at] .. " " .. due .. " " .. expiry .. " " .. string.sub(value, 2))
    -- Without the right to publish, those who wait go on to look.
    if string.sub(value, 1, 1) == "!" then redis.pcall("PUBLISH", records .. ":" .. key, "") end
  end
end
redis.call("HSET", records, "", string.format("%.0f", version))
return { 1, versions }
`;

/** ARGV: the prefix, the end of the range before the first key as ZRANGEBYLEX takes it, and the limit. Returns records. */
export const listLua: string = `${shared}${indexes}
local reply = {}
if redis.call("EXISTS", records) == 0 then return reply end
heal()
sweep(100)
local from, limit = ARGV[2], tonumber(ARGV[3])
while #reply < limit do
  local asked = limit - #reply
  local keys = redis.call("ZRANGEBYLEX", byKey, from, "[" .. ARGV[1] .. "\\255", "LIMIT", 0, asked)
  show(keys, reply)
  if #keys < asked then break end
  from = "(" .. keys[#keys]
end
return reply
`;

/** ARGV: the prefix and the limit. Returns records. */
export const dueLua: string = `${shared}${indexes}
local reply = {}
if redis.call("EXISTS", records) == 0 then return reply end
heal()
local prefix, limit = ARGV[1], tonumber(ARGV[2])
local found, from = {}, 0
repeat
  local keys = redis.call("ZRANGEBYSCORE", byDue, "-inf", now, "LIMIT", from, 200)
  for _, key in ipairs(keys) do
    if string.sub(key, 1, #prefix) == prefix and #found < limit then found[#found + 1] = key end
  end
  from = from + 200
until #keys < 200 or #found >= limit
show(found, reply)
return reply
`;
