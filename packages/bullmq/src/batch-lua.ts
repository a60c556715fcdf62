import { createRequire } from "node:module";
import { WaybillError } from "@waybill/core";

/** The Lua that BullMQ publishes, by the names of its commands. */
type Published = Readonly<Record<string, { readonly content: string } | undefined>>;

const published = createRequire(import.meta.url)("bullmq/dist/cjs/scripts/index.js") as Published;

/** BullMQ's own script as a Lua function: it takes the keys and arguments of one job, and returns what BullMQ returns. */
function bullmq(name: string): string {
  const script = published[name];
  if (script === undefined) {
    throw new WaybillError("CONFIG_INVALID", `this bullmq has no script "${name}"; install bullmq 6.7`);
  }
  return `local function ${name}(KEYS, ARGV)\n${script.content}\nend\n`;
}

/** KEYS[1] is the queue's prefix with its last colon; all its keys begin with it. */
const key = `
local prefix = KEYS[1]
local function key(name) return prefix .. name end
`;

/**
 * Another program may have written a job's hash. A counter that is no whole number, or a parent that is no JSON, fails
 * BullMQ's scripts in the middle of a move; it is kept under a name of its own. A key that is no hash is moved aside.
 */
const mend = `
local function isParent(text)
  local done, parent = pcall(cjson.decode, text)
  return done and type(parent) == "table" and type(parent.id) == "string" and type(parent.queueKey) == "string"
end
local function mended(id, fields)
  local odd = {}
  for _, name in ipairs({ "ats", "atm", "stc" }) do
    local value = fields[name]
    if value and (#value > 15 or not string.match(value, "^%-?%d+$")) then odd[#odd + 1] = name end
  end
  if fields.parent and not isParent(fields.parent) then odd[#odd + 1] = "parent" end
  for _, name in ipairs(odd) do
    redis.call("HSET", key(id), "odd:" .. name, fields[name])
    redis.call("HDEL", key(id), name)
    fields[name] = nil
  end
  return #odd > 0
end
local function fieldsIn(list)
  local fields = {}
  for at = 1, #list, 2 do fields[list[at]] = list[at + 1] end
  return fields
end
-- BullMQ failed after it had locked the job: the job is ours, once it is mended. Nil: it was not for the job.
local function mendedHead(now, token)
  local id = redis.call("LINDEX", key("active"), 0)
  if not id or redis.call("GET", key(id .. ":lock")) ~= token then return nil end
  local kind = redis.call("TYPE", key(id)).ok
  if kind ~= "hash" then
    if kind ~= "none" then redis.call("RENAME", key(id), key(id .. ":odd")) end
    redis.call("HSET", key(id), "processedOn", now)
    return id, {}
  end
  local fields = fieldsIn(redis.call("HGETALL", key(id)))
  if not mended(id, fields) then return nil end
  return id, fields
end
`;

/** BullMQ's fetch for one job: the fields we read, or nothing and when the next delayed one is due. */
const take = `${mend}
local function takeInto(jobs, now, leaseMs, token, count)
  -- A script that has written goes on when memory is full, and taking jobs is what frees it in the end.
  redis.call("DEL", key("none"))
  local keys = { key("wait"), key("active"), key("prioritized"), key("events"), key("stalled"), key("limiter"),
    key("delayed"), key("paused"), key("meta"), key("pc"), key("marker") }
  local arguments = { prefix, now, cmsgpack.pack({ token = token, lockDuration = leaseMs }) }
  for _ = 1, count do
    local done, found = pcall(moveToActive, keys, arguments)
    local id, fields
    if not done then
      id, fields = mendedHead(now, token)
      if not id then return type(found) == "table" and found.err or found end
    elseif type(found[1]) ~= "table" then
      return tostring(found[4] or 0)
    else
      id, fields = found[2], fieldsIn(found[1])
      mended(id, fields)
    end
    jobs[#jobs + 1] = { id, fields.name or "", fields.data or "{}", fields.priority or "0",
      fields.atm or "0", fields.stc or "0" }
  end
  return "0"
end
`;

/**
 * ARGV: now, then id, type, data, priority and delay of each job. Answers for each 1 if it is stored, the data of the
 * job that has its id, or an error as a list of one.
 */
export const addJobs: string = `${bullmq("addPrioritizedJob")}${bullmq("addDelayedJob")}${key}
local now = tonumber(ARGV[1])
local answers = {}
local soon = { key("marker"), key("meta"), key("id"), key("prioritized"), key("delayed"), key("completed"),
  key("active"), key("events"), key("pc") }
local later = { key("marker"), key("meta"), key("id"), key("delayed"), key("completed"), key("events") }
for at = 2, #ARGV, 5 do
  local id, delay = ARGV[at], tonumber(ARGV[at + 4])
  local known = redis.call("HMGET", key(id), "name", "data")
  if known[1] then
    answers[#answers + 1] = known[2] or ""
  else
    local arguments = cmsgpack.pack({ prefix, id, ARGV[at + 1], now })
    local options = { priority = tonumber(ARGV[at + 3]) }
    if delay > 0 then options.delay = delay end
    local add, keys = addPrioritizedJob, soon
    if delay > 0 then add, keys = addDelayedJob, later end
    local done, result = pcall(add, keys, { arguments, ARGV[at + 2], cmsgpack.pack(options) })
    answers[#answers + 1] = done and 1 or { type(result) == "table" and result.err or result }
  end
end
return answers
`;

/** ARGV: now, leaseMs, the token, count. Answers the jobs, then when to look again or an error. */
export const takeJobs: string = `${bullmq("moveToActive")}${key}${take}
local jobs = {}
local after = takeInto(jobs, ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]))
return { jobs, after }
`;

/**
 * ARGV: now, leaseMs, the new token, how many jobs to take along, then id and token of each job that
 * is done. Answers BullMQ's code for each (0 is done), the jobs taken, and when to look again or an error.
 */
export const finishJobs: string = `${bullmq("moveToFinished")}${bullmq("moveToActive")}${key}${take}
local codes = {}
local keys = { key("wait"), key("active"), key("prioritized"), key("events"), key("stalled"), key("limiter"),
  key("delayed"), key("paused"), key("meta"), key("pc"), key("completed"), "", key("metrics:completed"), key("marker") }
local token, options
for at = 5, #ARGV, 2 do
  local id = ARGV[at]
  keys[12] = key(id)
  -- Jobs that were taken together have the same one.
  if token ~= ARGV[at + 1] then
    token = ARGV[at + 1]
    options = cmsgpack.pack({ token = token, keepJobs = { count = 0 }, attempts = 1, maxMetricsSize = "" })
  end
  local done, code = pcall(moveToFinished, keys,
    { id, ARGV[1], "returnvalue", "null", "completed", "0", prefix, options, "" })
  codes[#codes + 1] = done and code or { type(code) == "table" and code.err or code }
end
local jobs = {}
local after = takeInto(jobs, ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]))
return { codes, jobs, after }
`;
