import { WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";
import { type Duration, durationMs } from "../../time/duration.ts";

/** What is kept of each job, and for how long. */
export interface RecordOptions {
  /** How long a record is kept, from the enqueue of its job: "7d". Omitted: until `most` removes it. */
  readonly keep?: Duration | undefined;
  /** The most records that are kept; those enqueued first are removed. Omitted: 1,000,000. */
  readonly most?: number | undefined;
  /**
   * Members of payloads that are removed before anything is stored, by dotted paths: "card.number", "items.*.price". Their values are
   * also removed from messages, stacks and log lines. Default none.
   */
  readonly redact?: readonly string[] | undefined;
  /**
   * Keeps an index of texts, on SQLite and PostgreSQL, by which `text` finds in milliseconds what few records have. It costs time and
   * space with each record. A worker makes it, and it then stays in the store. Default false: a search reads each record.
   */
  readonly search?: boolean | undefined;
}

/** `RecordOptions`, checked. */
export interface RecordSettings {
  /** Null: no limit of time. */
  readonly keepMs: number | null;
  readonly most: number;
  /** The parts of each path. */
  readonly redact: readonly (readonly string[])[];
  readonly search: boolean;
}

const NAMES: OptionNames<RecordOptions> = { keep: true, most: true, redact: true, search: true };
const MOST = 1_000_000;

/** Checks the option `records` of a connection. Throws `CONFIG_INVALID` with what to write. */
export function recordSettings(given: Duration | RecordOptions): RecordSettings {
  if (typeof given === "string" || typeof given === "number") {
    return { keepMs: keepMsOf(given, "records"), most: MOST, redact: [], search: false };
  }
  if (typeof given === "boolean") {
    throw new WaybillError(
      "CONFIG_INVALID",
      `records is ${describeValue(given)}: give how long a record is kept, such as "7d", or the options by name, as in { keep: "7d" }, or leave records out`,
    );
  }
  assertKnownOptions(given, NAMES, "the options of records");
  const { keep, most = MOST, redact = [], search = false } = given;
  if (!Number.isSafeInteger(most) || most < 1) throw refuse("most", most, "a whole number from 1, such as 1_000_000");
  if (!Array.isArray(redact) || !redact.every(isPath)) {
    throw refuse("redact", redact, 'a list of dotted paths, such as ["card.number", "items.*.price"]');
  }
  if (typeof search !== "boolean") throw refuse("search", search, "true or false");
  return {
    keepMs: keep === undefined ? null : keepMsOf(keep, "keep of records"),
    most,
    redact: redact.map((path: string) => path.split(".")),
    search,
  };
}

function keepMsOf(keep: Duration, name: string): number {
  const ms = durationMs(keep, name);
  if (ms > 0) return ms;
  throw new WaybillError(
    "CONFIG_INVALID",
    `${name} is ${describeValue(keep)}: give a time over 0, such as "7d", or leave records out`,
  );
}

const isPath = (path: unknown): boolean =>
  typeof path === "string" && path.split(".").every((part) => part !== "" && part === part.trim());

const refuse = (name: string, value: unknown, write: string): WaybillError =>
  new WaybillError("CONFIG_INVALID", `${name} of records is ${describeValue(value)}: give ${write}`);
