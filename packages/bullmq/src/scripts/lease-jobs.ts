import type { Client } from "../connection/client.ts";
import { bullmqFunction, type Command, type ErrorOf, keyFunction } from "./lua.ts";
import { UNIQUE_FIELD } from "./job-fields.ts";

/**
 * Another program may have written a job's hash. A counter that is no whole number, or a parent that is no JSON, fails
 * BullMQ's scripts in the middle of a move; it is kept under a name of its own. A key that is no hash is renamed.
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
-- BullMQ failed after it had locked the job: the job is leased once it is mended. Nil: the job was not the reason.
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

/**
 * A Lua function that leases `count` jobs by BullMQ's own script, and puts the fields that we read of each into `jobs`.
 * Returns as text when the next delayed job is due, "0" for none, or an error.
 */
export const leaseFunction: string = `${bullmqFunction("moveToActive")}${keyFunction}${mend}
local function leaseInto(jobs, now, leaseMs, token, count)
  -- A script that has written goes on when memory is full, and leased jobs are what frees it in the end.
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
      fields.atm or "0", fields.stc or "0", fields["${UNIQUE_FIELD}"] }
  end
  return "0"
end
`;

/** ARGV: now, leaseMs, the token, count. Returns the jobs, then what `leaseInto` returned. */
const leaseLua = `${leaseFunction}
local jobs = {}
local after = leaseInto(jobs, ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]))
return { jobs, after }
`;

/** A job as it was leased: everything is text, as Redis keeps it. */
export type LeasedJob = readonly [
  id: string,
  name: string,
  data: string,
  priority: string,
  failures: string,
  lost: string,
  /** As `UNIQUE_FIELD` has it; absent for a job without. */
  unique?: string,
];

export interface LeasedJobs {
  readonly jobs: readonly LeasedJob[];
  /** Unix milliseconds; 0: nothing is delayed, or there were more jobs than were asked for. */
  readonly nextDueAt: number;
  /** The error that ended the leasing early; null for none. */
  readonly error: Error | null;
}

/** Which jobs to lease. */
export interface LeaseTerms {
  /** Whole milliseconds. */
  readonly leaseMs: number;
  /** One for all jobs of the call: it is checked together with the job's id. */
  readonly token: string;
  readonly count: number;
}

/** Leases jobs of one queue, in order. `base` is the queue's prefix with its last colon. */
export type LeaseJobs = (base: string, terms: LeaseTerms) => Promise<LeasedJobs>;

export function defineLeaseJobs(client: Client, errorOf: ErrorOf): LeaseJobs {
  client.defineCommand("waybillLease", { lua: leaseLua });
  const commands = client as unknown as { readonly waybillLease: Command<[readonly LeasedJob[], string]> };
  return async (base, { leaseMs, token, count }) => {
    const [jobs, after] = await commands.waybillLease(1, base, Date.now(), leaseMs, token, count);
    return leasedJobs(jobs, after, errorOf);
  };
}

/** A number says when the next delayed job is due; any other text is an error. */
export function leasedJobs(jobs: readonly LeasedJob[], after: string, errorOf: ErrorOf): LeasedJobs {
  const nextDueAt = Number(after);
  if (Number.isNaN(nextDueAt)) return { jobs, nextDueAt: 0, error: errorOf(after) };
  return { jobs, nextDueAt, error: null };
}
