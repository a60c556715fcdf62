import type { Client } from "../connection/client.ts";
import { ERROR_FIELD } from "./job-fields.ts";
import { type Command, keyFunction } from "./lua.ts";

/** A Lua function on a job that may be there. `now` is Unix milliseconds. */
export const stateFunction = `
-- Returns the state, the milliseconds until it ends or 0, and the type. Nil: there is no such job, or it has finished.
local function stateOf(id, now)
  local name = redis.pcall("HGET", key(id), "name")
  -- A key that is no hash is no job.
  if type(name) ~= "string" then return nil end
  local leaseMs = redis.call("PTTL", key(id .. ":lock"))
  if leaseMs > 0 then return "leased", leaseMs, name end
  if redis.call("ZSCORE", key("failed"), id) then return "dead", 0, name end
  if redis.call("HEXISTS", key(id), "finishedOn") == 1 then return nil end
  local score = redis.call("ZSCORE", key("delayed"), id)
  local delayMs = score and math.floor(score / 4096) - now or 0
  if delayMs > 0 then return "delayed", delayMs, name end
  return "ready", 0, name
end
`;

/** ARGV: now, the type or "", ids. Returns the jobs of that type that are there. */
const describeLua = `${keyFunction}${stateFunction}
local found = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  local state, ms, name = stateOf(id, tonumber(ARGV[1]))
  if state and (ARGV[2] == "" or ARGV[2] == name) then
    found[#found + 1] = { id, name, state, ms,
      unpack(redis.call("HMGET", key(id), "data", "priority", "atm", "timestamp", "failedReason", "${ERROR_FIELD}")) }
  end
end
return found
`;

/** A job as Redis has it now. `ms` is until its delay or its lease ends; 0 for another state. */
export type DescribedJob = readonly [
  id: string,
  name: string,
  state: "ready" | "delayed" | "leased" | "dead",
  ms: number,
  data: string | null,
  priority: string | null,
  failures: string | null,
  timestamp: string | null,
  failedReason: string | null,
  error: string | null,
];

/** Describes those of some ids that are jobs, in order; with a type only those of it. */
export type DescribeJobs = (base: string, ids: readonly string[], type?: string) => Promise<DescribedJob[]>;

export function defineDescribeJobs(client: Client): DescribeJobs {
  client.defineCommand("waybillDescribe", { lua: describeLua });
  const commands = client as unknown as { readonly waybillDescribe: Command<DescribedJob[]> };
  return (base, ids, type = "") => commands.waybillDescribe(1, base, Date.now(), type, ...ids);
}
