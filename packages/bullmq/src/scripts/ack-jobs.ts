import type { Client } from "../connection/client.ts";
import { type LeasedJob, type LeasedJobs, leasedJobs, leaseFunction, type LeaseTerms } from "./lease-jobs.ts";
import { bullmqFunction, type Command, type ErrorOf } from "./lua.ts";
import { type OwnerKeys, uniqueFunctions } from "./unique-keys.ts";

/**
 * ARGV: now, leaseMs, the new token, how many jobs to lease, then id, token and unique key of each job that is done. Returns BullMQ's
 * code for each (0 is done) or an error as a list of one, the leased jobs, and what `leaseInto` returned.
 */
const ackLua = `${bullmqFunction("moveToFinished")}${leaseFunction}${uniqueFunctions}
local codes = {}
local keys = { key("wait"), key("active"), key("prioritized"), key("events"), key("stalled"), key("limiter"),
  key("delayed"), key("paused"), key("meta"), key("pc"), key("completed"), "", key("metrics:completed"), key("marker") }
local token, options
for at = 5, #ARGV, 3 do
  local id = ARGV[at]
  keys[12] = key(id)
  -- Jobs that were leased together have the same one.
  if token ~= ARGV[at + 1] then
    token = ARGV[at + 1]
    options = cmsgpack.pack({ token = token, keepJobs = { count = 0 }, attempts = 1, maxMetricsSize = "" })
  end
  local done, code = pcall(moveToFinished, keys,
    { id, ARGV[1], "returnvalue", "null", "completed", "0", prefix, options, "" })
  if done and code == 0 and ARGV[at + 2] ~= "" then removeOwner(ARGV[at + 2], id, prefix) end
  codes[#codes + 1] = done and code or { type(code) == "table" and code.err or code }
end
local jobs = {}
local after = leaseInto(jobs, ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]))
return { codes, jobs, after }
`;

/** A leased job, by what Redis compares. */
export interface JobToken {
  readonly id: string;
  readonly token: string;
  /** As `UNIQUE_FIELD` has it; "" for a job without. */
  readonly unique: string;
}

export interface AckedJobs extends LeasedJobs {
  /** BullMQ's code for each, in order: 0 is done. */
  readonly codes: readonly (number | Error)[];
}

/** Acks jobs of one queue, and then leases more of them in the same step. */
export type AckJobs = (base: string, done: readonly JobToken[], more: LeaseTerms) => Promise<AckedJobs>;

export function defineAckJobs(client: Client, owners: OwnerKeys, errorOf: ErrorOf): AckJobs {
  client.defineCommand("waybillAck", { lua: ackLua });
  const commands = client as unknown as {
    readonly waybillAck: Command<[(number | [string])[], readonly LeasedJob[], string]>;
  };
  return async (base, done, { leaseMs, token, count }) => {
    const args: (string | number)[] = [Date.now(), leaseMs, token, count];
    for (const job of done) args.push(job.id, job.token, job.unique);
    const keys = owners.of(
      base,
      done.some(({ unique }) => unique !== ""),
    );
    const [codes, jobs, after] = await commands.waybillAck(...keys, ...args);
    return {
      codes: codes.map((code) => (typeof code === "number" ? code : errorOf(code[0]))),
      ...leasedJobs(jobs, after, errorOf),
    };
  };
}
