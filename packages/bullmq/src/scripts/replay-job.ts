import type { Client } from "../connection/client.ts";
import { bullmqFunction, type Command, keyFunction } from "./lua.ts";
import { UNIQUE_FIELD } from "./job-fields.ts";
import { type OwnerKeys, uniqueFunctions } from "./unique-keys.ts";

/**
 * ARGV: the id of a failed job, its new data, and the fields to remove. Returns 1, or 0 if it is no failed job any more, or
 * the id of the job that has its unique key. The job asks for that again, unless it is taken for a time.
 */
const replayLua = `${bullmqFunction("reprocessJob")}${keyFunction}${uniqueFunctions}
local id = ARGV[1]
if not redis.call("ZSCORE", key("failed"), id) or redis.call("EXISTS", key(id)) == 0 then return 0 end
local term, field = split(redis.call("HGET", key(id), "${UNIQUE_FIELD}") or "")
local asks = KEYS[2] and field and not tonumber(term)
local other = asks and ownerOf(field)
if other and other ~= id then return other end
for at = 3, #ARGV do redis.call("HDEL", key(id), ARGV[at]) end
redis.call("HSET", key(id), "data", ARGV[2])
reprocessJob({ key(id), key("events"), key("failed"), key("wait"), key("meta"), key("active"), key("marker"),
  key("prioritized"), key("pc") }, { id, "LPUSH", "failedReason", "failed", "1", "1" })
if asks then setOwner(field, term, id, prefix) end
return 1
`;

/** Returns whether the job was replayed, or the id of the job that has its unique key. */
export type ReplayJob = (
  base: string,
  id: string,
  data: string,
  without: readonly string[],
  unique: boolean,
) => Promise<boolean | { readonly owner: string }>;

export function defineReplayJob(client: Client, owners: OwnerKeys): ReplayJob {
  client.defineCommand("waybillReplay", { lua: replayLua });
  const commands = client as unknown as { readonly waybillReplay: Command<0 | 1 | string> };
  return async (base, id, data, without, unique) => {
    const reply = await commands.waybillReplay(...owners.of(base, unique), id, data, ...without);
    return typeof reply === "string" ? { owner: reply } : reply === 1;
  };
}
