import type { Client } from "../connection/client.ts";
import type { Command } from "./lua.ts";
import { UNIQUE_FIELD } from "./job-fields.ts";
import { type OwnerKeys, uniqueFunctions } from "./unique-keys.ts";

/** ARGV: HSCAN's cursor. Removes, among some keys, those whose job another program removed. Returns the next cursor. */
const sweepLua = `${uniqueFunctions}
local found = redis.call("HSCAN", owners, ARGV[1], "COUNT", 100)
for at = 1, #found[2], 2 do
  local field, term, id, base = found[2][at], string.match(found[2][at + 1], "^(%S+) (%S+) (%S+)$")
  local stays = tonumber(term) and tonumber(term) > redisNow()
  if term and not tonumber(term) then
    -- A dead letter stays its owner, so that BullMQ's own tools may retry it.
    stays = redis.call("HGET", base .. id, "${UNIQUE_FIELD}") == term .. " " .. field
  end
  if not stays then
    redis.call("HDEL", owners, field)
    redis.call("ZREM", timedOwners, field)
  end
end
return found[1]
`;

const EVERY_MS = 5_000;

/** Looks at the next keys, if it is time; the whole hash comes in turn. `base` is a key in the slot of the others. */
export function defineSweepUniqueKeys(client: Client, base: string, owners: OwnerKeys): () => Promise<void> {
  client.defineCommand("waybillSweepUniqueKeys", { lua: sweepLua });
  const commands = client as unknown as { readonly waybillSweepUniqueKeys: Command<string> };
  let cursor = "0";
  let sweptAt = -Infinity;
  return async () => {
    if (!owners.wereUsed() || performance.now() - sweptAt < EVERY_MS) return;
    sweptAt = performance.now();
    cursor = await commands.waybillSweepUniqueKeys(...owners.of(base, true), cursor);
  };
}
