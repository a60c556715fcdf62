import { WaybillError } from "../errors.ts";
import type { DeadLetterRecord, DeadLetterQuery } from "./inspector.ts";
import { assertGuardOptions, assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";

/**
 * Returns a function that returns whether a dead letter passes every filter of the query, the limit excepted. For backends
 * whose store cannot filter: they list, filter, and then apply the limit. Never throws.
 */
export function matchDeadLetters(
  query: DeadLetterQuery,
): (letter: Omit<DeadLetterRecord, "body" | "attempt">) => boolean {
  const { queue, ids, type, code, since } = query;
  const wanted = ids && new Set(ids);
  return (letter) =>
    (queue === undefined || letter.queue === queue) &&
    (type === undefined || letter.type === type) &&
    (code === undefined || letter.reason.code === code) &&
    // A dead letter of an unknown time does not match.
    (since === undefined || (letter.diedAt !== null && letter.diedAt >= since)) &&
    (wanted === undefined || wanted.has(letter.id));
}

const NAMES: OptionNames<DeadLetterQuery> = {
  queue: true,
  ids: true,
  type: true,
  code: true,
  since: true,
  limit: true,
};

/**
 * Returns the query. Throws `CONFIG_INVALID` for a filter that is misspelled, undefined or of another type: it would not
 * filter, and all dead letters would be replayed or dropped.
 */
export function judgedQuery(query: DeadLetterQuery = {}): DeadLetterQuery {
  assertKnownOptions(query, NAMES, "the filters of dead letters");
  assertGuardOptions(query, ["queue", "ids", "type", "code", "since"], "the filters of dead letters");
  const { ids, since, limit } = query;
  for (const name of ["queue", "type", "code"] as const) {
    const value: unknown = query[name];
    if (value !== undefined && typeof value !== "string") throw refuse(name, value, "a string");
  }
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === "string"))) {
    throw refuse("ids", ids, "a list of strings");
  }
  if (since !== undefined && !Number.isFinite(since)) {
    throw refuse("since", since, "Unix milliseconds, such as Date.now() - 3_600_000 or date.getTime()");
  }
  if (limit !== undefined && !(typeof limit === "number" && limit >= 0)) throw refuse("limit", limit, "a number");
  return query;
}

function refuse(name: string, value: unknown, wanted: string): WaybillError {
  return new WaybillError(
    "CONFIG_INVALID",
    `${name}, a filter of dead letters, is ${describeValue(value)}: pass ${wanted}`,
  );
}
