import type { Client } from "../connection/client.ts";
import { bullmqFunction, type Command, type ErrorOf, keyFunction } from "./lua.ts";
import { UNIQUE_FIELD } from "./job-fields.ts";
import { type OwnerKeys, uniqueFunctions } from "./unique-keys.ts";

/**
 * ARGV: now, then id, type, data, priority, delay, unique key and what to do on a conflict of each job. Returns for each 1 if
 * it is stored, the data of the job that has its id, an error as a list of one, or a list of two: "taken" and the id of the
 * job that has its key, or "replaced" and the id of the job whose place it took.
 */
const enqueueLua = `${bullmqFunction("addPrioritizedJob")}${bullmqFunction("addDelayedJob")}${bullmqFunction("removeJob")}
${keyFunction}${uniqueFunctions}
local now = tonumber(ARGV[1])
local soon = { key("marker"), key("meta"), key("id"), key("prioritized"), key("delayed"), key("completed"),
  key("active"), key("events"), key("pc") }
local later = { key("marker"), key("meta"), key("id"), key("delayed"), key("completed"), key("events") }

local function add(id, name, data, priority, delay)
  local arguments = cmsgpack.pack({ prefix, id, name, now })
  local options = { priority = priority }
  if delay > 0 then options.delay = delay end
  if delay > 0 then addDelayedJob(later, { arguments, data, cmsgpack.pack(options) })
  else addPrioritizedJob(soon, { arguments, data, cmsgpack.pack(options) }) end
end

-- The other job is removed second: an error before leaves it, and the new one is not stored.
local function addUnique(unique, onConflict, id, ...)
  local term, field = split(unique)
  if tonumber(term) then
    term = string.format("%.0f", redisNow() + term)
    unique = term .. " " .. field
  end
  -- Mostly the key is new: one command says so and takes it.
  local isNew, other, base = addOwner(field, term, id, prefix), nil, nil
  if not isNew then other, base = ownerOf(field) end
  if other and not (onConflict == "replace" and isFresh(other, base)) then return { "taken", other } end
  local done, failure = pcall(add, id, ...)
  if not done then
    if isNew then redis.call("HDEL", owners, field) end
    error(failure, 0)
  end
  redis.call("HSET", key(id), "${UNIQUE_FIELD}", unique)
  if not isNew then setOwner(field, term, id, prefix) end
  if not other then return 1 end
  removeJob({ base .. other, base .. "repeat" }, { other, "0", base })
  return { "replaced", other }
end

local results = {}
for at = 2, #ARGV, 7 do
  local id, name, data, unique = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 5]
  local priority, delay = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local known = redis.call("HMGET", key(id), "name", "data")
  if known[1] then
    results[#results + 1] = known[2] or ""
  else
    local done, result
    if unique == "" then done, result = pcall(add, id, name, data, priority, delay)
    else done, result = pcall(addUnique, unique, ARGV[at + 6], id, name, data, priority, delay) end
    if not done then result = { type(result) == "table" and result.err or result } end
    results[#results + 1] = result or 1
  end
end
return results
`;

/** A job as BullMQ stores it. The type is its name, and the envelope's id its id. */
export interface NewJob {
  readonly id: string;
  readonly name: string;
  readonly data: string;
  readonly priority: number;
  /** Whole milliseconds. */
  readonly delay: number;
  /** "TERM TYPE KEY", where a term that is no word is whole milliseconds from now; "" for none. */
  readonly unique: string;
  readonly onConflict: string;
}

/** What became of one job. */
export type Enqueued =
  /** `replaced` is the id of the job whose place it took; null for none. */
  | { readonly kind: "stored"; readonly replaced: string | null }
  /** A job with its id was there. */
  | { readonly kind: "known"; readonly data: string }
  /** A job with its unique key was there. */
  | { readonly kind: "taken"; readonly by: string }
  | { readonly kind: "failed"; readonly error: Error };

/** Stores jobs of one queue, in order. `base` is the queue's prefix with its last colon; `now` is Unix milliseconds. */
export type EnqueueJobs = (base: string, now: number, jobs: readonly NewJob[]) => Promise<Enqueued[]>;

type Reply = 1 | string | readonly [error: string] | readonly [kind: "taken" | "replaced", id: string];

export function defineEnqueueJobs(client: Client, owners: OwnerKeys, errorOf: ErrorOf): EnqueueJobs {
  client.defineCommand("waybillEnqueue", { lua: enqueueLua });
  const commands = client as unknown as { readonly waybillEnqueue: Command<Reply[]> };

  function enqueued(reply: Reply): Enqueued {
    if (reply === 1) return { kind: "stored", replaced: null };
    if (typeof reply === "string") return { kind: "known", data: reply };
    const [kind, id] = reply;
    if (id === undefined) return { kind: "failed", error: errorOf(kind) };
    return kind === "taken" ? { kind: "taken", by: id } : { kind: "stored", replaced: id };
  }

  return async (base, now, jobs) => {
    const args: (string | number)[] = [now];
    for (const { id, name, data, priority, delay, unique, onConflict } of jobs)
      args.push(id, name, data, priority, delay, unique, onConflict);
    const keys = owners.of(
      base,
      jobs.some(({ unique }) => unique !== ""),
    );
    return (await commands.waybillEnqueue(...keys, ...args)).map(enqueued);
  };
}
