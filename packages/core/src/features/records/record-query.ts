import { RECORD_STATES, type RecordRange, type RecordState } from "../../backend/record-store.ts";
import { WaybillError } from "../../errors.ts";
import { assertGuardOptions, assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";

/** Filters records. A record matches when it passes every filter. Omitted fields do not filter. */
export interface RecordQuery {
  /** Those of exactly this type. Omitted: of every type. */
  readonly type?: string | undefined;
  /** Those in this state. Omitted: in any state. */
  readonly state?: RecordState | undefined;
  /** Those of this tenant. Omitted: of every tenant, and of none. */
  readonly tenant?: string | undefined;
  /** Those of this queue. Omitted: of every queue. */
  readonly queue?: string | undefined;
  /** Those enqueued at this time or later: a Date or Unix milliseconds. Omitted: of any time. */
  readonly since?: Date | number | undefined;
  /** Those enqueued before this time. Omitted: of any time. */
  readonly until?: Date | number | undefined;
  /** Those whose state has exactly this code, such as `ATTEMPTS_EXHAUSTED`. Omitted: with any code, and with none. */
  readonly code?: string | undefined;
  /** Those with this text in their payload or message, letters of ASCII in upper or lower case; nothing in it is a wildcard. Omitted: with any. */
  readonly text?: string | undefined;
  /** The most records of one page. Omitted: 100. At most 1,000. */
  readonly limit?: number | undefined;
  /** `next` of the page before. Omitted: the first page. */
  readonly after?: string | undefined;
}

const NAMES: OptionNames<RecordQuery> = {
  type: true,
  state: true,
  tenant: true,
  queue: true,
  since: true,
  until: true,
  code: true,
  text: true,
  limit: true,
  after: true,
};

/** Throws `CONFIG_INVALID` for a filter that is misspelled, undefined or of another type, which would find every record. */
export function judgedRecordQuery(query: RecordQuery): RecordRange {
  assertKnownOptions(query, NAMES, "the filters of records");
  const { limit = 100, since, until, ...texts } = query;
  assertGuardOptions(
    query,
    ["type", "state", "tenant", "queue", "since", "until", "code", "text", "after"],
    "the filters of records",
  );
  for (const [name, value] of Object.entries(texts as Record<string, unknown>)) {
    if (typeof value !== "string" || value === "") throw refuse(name, value, "a text");
  }
  if (query.state !== undefined && !RECORD_STATES.includes(query.state)) {
    throw refuse("state", query.state, RECORD_STATES.map((state) => `"${state}"`).join(", "));
  }
  if (query.after !== undefined && !/^\d+(\.\S{1,1000})?$/.test(query.after))
    throw refuse("after", query.after, "`next` of the page before");
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
    throw refuse("limit", limit, "a whole number from 1 to 1,000");
  return {
    ...texts,
    limit,
    ...(since !== undefined && { since: momentOf("since", since) }),
    ...(until !== undefined && { until: momentOf("until", until) }),
  };
}

function momentOf(name: string, value: Date | number): number {
  const ms = Number(value);
  if ((typeof value === "number" || value instanceof Date) && Number.isFinite(ms)) return Math.ceil(ms);
  throw refuse(name, value, "a Date or Unix milliseconds");
}

const refuse = (name: string, value: unknown, wanted: string): WaybillError =>
  new WaybillError("CONFIG_INVALID", `${name}, a filter of records, is ${describeValue(value)}: pass ${wanted}`);
