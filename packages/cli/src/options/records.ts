import { type Command, Option } from "commander";
import type { Duration, RecordOptions } from "@waybill/core";
import { UsageError } from "../exit.ts";
import { duration } from "./values.ts";

/** What is kept of each job. */
export interface RecordFlags {
  /** Omitted: nothing. */
  readonly records?: Duration;
  readonly recordsRedact?: string;
  readonly recordsSearch?: true;
}

export function recordOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--records <duration>", "keep what happens to each job for this long: 7d (default: nothing is kept)")
        .env("WAYBILL_RECORDS")
        .argParser(duration),
    )
    .addOption(
      new Option("--records-redact <paths>", "never keep these members of payloads: card.number,items.*.secret").env(
        "WAYBILL_RECORDS_REDACT",
      ),
    )
    .option("--records-search", "keep an index of their texts as well, on SQLite and PostgreSQL");
}

/** Returns the option `records` of `connect`; none without `--records`. Throws `UsageError` for the other two alone. */
export function recordsOf({ records, recordsRedact, recordsSearch }: RecordFlags): {
  readonly records?: RecordOptions;
} {
  if (records === undefined) {
    if (recordsRedact === undefined && recordsSearch === undefined) return {};
    const given = recordsSearch ? "--records-search" : "--records-redact (or WAYBILL_RECORDS_REDACT)";
    throw new UsageError(`${given} is given without --records: give --records 7d as well, or leave it out`);
  }
  return {
    records: {
      keep: records,
      ...(recordsRedact !== undefined && { redact: recordsRedact.split(",").map((path) => path.trim()) }),
      ...(recordsSearch && { search: true }),
    },
  };
}
