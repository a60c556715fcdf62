import { type Command, Option } from "commander";
import type { JobFilter, JobState } from "@waybill/core";
import { list, momentSince, nonEmpty } from "../../options/values.ts";

/** The options that select jobs. */
export interface FilterOptions {
  readonly queue?: string;
  readonly id?: readonly string[];
  readonly type?: string;
  readonly state?: JobState;
  readonly tenant?: string;
  readonly text?: string;
  /** Unix milliseconds. */
  readonly since?: number;
}

const STATES: readonly JobState[] = ["ready", "delayed", "waiting", "leased", "dead"];

/** Adds them. Dead letters can be listed, but not changed here. */
export function filtering(command: Command, states: "all" | "not dead"): Command {
  const choices = states === "all" ? STATES : STATES.filter((state) => state !== "dead");
  return command
    .option("--queue <name>", "only those of this queue", nonEmpty)
    .option("--id <id>", "only this one; may be repeated", list)
    .option("--type <type>", "only jobs of this type: mail.album_ready", nonEmpty)
    .addOption(new Option("--state <state>", "only those in this state").choices(choices))
    .option("--tenant <tenant>", "only those of this tenant", nonEmpty)
    .option("--text <text>", "only those whose envelope has this text, in upper or lower case", nonEmpty)
    .option(
      "--since <time>",
      "only those enqueued within this duration (2h) or since this ISO 8601 time; not those of an unknown time",
      momentSince,
    );
}

/** Returns the filter. Options that were not given do not filter. */
export function filterOf({ queue, id, type, state, tenant, text, since }: FilterOptions): JobFilter {
  return {
    ...(queue !== undefined && { queue }),
    ...(id !== undefined && { ids: id }),
    ...(type !== undefined && { type }),
    ...(state !== undefined && { state }),
    ...(tenant !== undefined && { tenant }),
    ...(text !== undefined && { text }),
    ...(since !== undefined && { since }),
  };
}
