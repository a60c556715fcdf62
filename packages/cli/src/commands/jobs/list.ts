import type { Command } from "commander";
import type { StoredJob } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../../connection.ts";
import { wholeNumber } from "../../options/values.ts";
import { span } from "../../output/duration-text.ts";
import { examples } from "../../output/help.ts";
import { printJson, printText } from "../../output/print.ts";
import { type Column, table } from "../../output/table.ts";
import { filterOf, type FilterOptions, filtering } from "./filters.ts";

interface Options extends SharedOptions, FilterOptions {
  readonly limit: number;
}

/** The most jobs of one page. */
const PAGE = 1_000;

export function listCommand(jobs: Command): void {
  const command = filtering(jobs.command("list").summary("show them"), "all")
    .description("Show jobs, those that wait, run and are dead letters, in the order of the backend.")
    .option("--limit <count>", "show at most this many", wholeNumber(1), 100);
  examples(
    shared(command).action(listJobs),
    ["waybill jobs list --queue media --state ready", "what can be leased now"],
    ["waybill jobs list --text anna@example.org --since 1h", "of one customer, in the last hour"],
    ["waybill jobs list --json --limit 100000", "one line per job, with its envelope as it arrived"],
  );
}

async function listJobs(options: Options): Promise<void> {
  const { limit, json } = options;
  const shown: StoredJob[] = [];
  let isCut = false;
  let asOf: number | null | undefined;
  await connected(options, {}, async (jobs) => {
    let count = 0;
    for (let after: string | null | undefined; after !== null && count < limit;) {
      const query = {
        ...filterOf(options),
        limit: Math.min(PAGE, limit - count),
        ...(after !== undefined && { after }),
      };
      const page = await jobs.list(query);
      count += page.jobs.length;
      if (json) for (const job of page.jobs) printJson(jobJson(job));
      else shown.push(...page.jobs);
      after = page.next;
      isCut = after !== null;
      asOf = page.asOf;
    }
  });
  if (json) return;
  printText(shown.length > 0 ? table(columns, shown) : "No job matches.");
  if (asOf !== undefined && asOf !== null) printText(`From records, whose newest change was made ${whenOf(asOf)}.`);
  if (isCut) printText(`The first ${limit} ${limit === 1 ? "is" : "are"} shown; --limit shows more.`);
}

/** Returns a job as `list --json` and `show --json` print it. */
export function jobJson(job: StoredJob): unknown {
  return { ...job, enqueuedAt: isoOf(job.enqueuedAt), dueAt: isoOf(job.dueAt) };
}

const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const columns: readonly Column<StoredJob>[] = [
  { title: "ID", text: (row) => row.id },
  { title: "TYPE", text: (row) => row.type },
  { title: "QUEUE", text: (row) => row.queue },
  { title: "STATE", text: (row) => row.state },
  { title: "ATTEMPT", text: (row) => String(row.attempt), align: "right" },
  { title: "ENQUEUED", text: (row) => whenOf(row.enqueuedAt), align: "right" },
  { title: "DUE", text: (row) => (row.dueAt === null ? "-" : whenOf(row.dueAt)), align: "right" },
];

/** Formats a time as the span from now. */
export function whenOf(at: number | null): string {
  if (at === null) return "unknown";
  const ms = at - Date.now();
  return ms > 0 ? `in ${span(ms)}` : `${span(-ms)} ago`;
}
