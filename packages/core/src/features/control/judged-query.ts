import type { JobQuery, JobState } from "../../backend/job-control.ts";
import { WaybillError } from "../../errors.ts";
import { assertGuardOptions, assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";

const FILTERS = ["queue", "type", "state", "tenant", "ids", "text", "since"] as const;
const STATES: readonly JobState[] = ["ready", "delayed", "waiting", "leased", "dead"];
const NAMES: OptionNames<JobQuery> = {
  queue: true,
  type: true,
  state: true,
  tenant: true,
  ids: true,
  text: true,
  since: true,
  limit: true,
  after: true,
};
const MOST = 1_000;

/** Filters the jobs of `cancel`, `runNow` and `reschedule`. A job matches when it passes every filter. */
export type JobFilter = Omit<JobQuery, "limit" | "after">;

/**
 * Returns the query of `list`. Throws `CONFIG_INVALID` for a filter that is misspelled, undefined or of another type, which
 * would list every job, and for a `limit` that is not a whole number from 1 to 1,000.
 */
export function judgedList(query: JobQuery): JobQuery {
  judge(query, "the filters of jobs");
  const { limit, after } = query;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1 && limit <= MOST)) {
    throw refuse("limit", limit, `a whole number from 1 to ${MOST}`);
  }
  if (after !== undefined && typeof after !== "string") throw refuse("after", after, "`next` of the page before");
  return query;
}

/**
 * Returns the filter of a call that changes jobs. Throws `CONFIG_INVALID` as `judgedList` does, and for a filter that names
 * nothing: it would change every job of the backend.
 */
export function judgedFilter(filter: JobFilter, call: string): JobFilter {
  judge(filter, `the filters of ${call}`);
  for (const name of ["limit", "after"] as const) {
    if (name in filter) throw invalid(`${call} has no "${name}": it takes every job that its filters match`);
  }
  if (FILTERS.every((name) => filter[name] === undefined)) {
    throw invalid(`${call} got a query without a filter, which would take every job: name at least a queue or a type`);
  }
  if (filter.state === "dead") {
    throw invalid(`${call} takes no dead letters: replay or drop them by jobs.inspector, or by waybill dead`);
  }
  return filter;
}

function judge(query: JobQuery, of: string): void {
  assertKnownOptions(query, NAMES, of);
  assertGuardOptions(query, [...FILTERS, "after"], of);
  for (const name of ["queue", "type", "tenant", "text"] as const) {
    const value: unknown = query[name];
    if (value !== undefined && (typeof value !== "string" || value === "")) throw refuse(name, value, "a text");
  }
  const { state, ids, since } = query;
  if (state !== undefined && !STATES.includes(state)) {
    throw refuse("state", state, STATES.map((one) => `"${one}"`).join(", "));
  }
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === "string"))) {
    throw refuse("ids", ids, "a list of ids");
  }
  if (since !== undefined && !Number.isFinite(since)) {
    throw refuse("since", since, "Unix milliseconds, such as Date.now() - 3_600_000 or date.getTime()");
  }
}

const refuse = (name: string, value: unknown, wanted: string): WaybillError =>
  invalid(`${name}, a filter of jobs, is ${describeValue(value)}: pass ${wanted}`);

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
