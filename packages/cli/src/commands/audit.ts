import type { Command } from "commander";
import type { Audit, AuditGap, AuditGapKind, AuditQueue, Duration } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { CommandError } from "../exit.ts";
import { duration, nonEmpty } from "../options/values.ts";
import { examples, section } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { type Column, table } from "../output/table.ts";

interface Options extends SharedOptions {
  readonly last: Duration;
  readonly queue?: string;
}

export function auditCommand(program: Command): void {
  const command = program
    .command("audit")
    .summary("find jobs that were accepted and are nowhere")
    .description(
      "Compare the jobs that were accepted with those that have ended, wait, run or are dead letters, and name those that are none of it. It reads the records (--records of the processes), and changes nothing.",
    )
    .option("--last <duration>", "how far back to look: jobs enqueued since", duration, "1d")
    .option("--queue <name>", "one queue only", nonEmpty);
  examples(
    shared(command).action(auditJobs),
    ["waybill audit", "the jobs of the last day; exit code 1 if one is missing"],
    ["waybill audit --last 1h --queue mailers", "those of one queue and of the last hour"],
    ["waybill audit --json", "one line of JSON, with the first 1,000 gaps"],
  );
  section(command, "Kinds of gaps", ...Object.entries(KINDS).map(([kind, text]) => `${kind.padEnd(15)}${text}`));
}

/** What each kind means. */
const KINDS: Readonly<Record<AuditGapKind, string>> = {
  never_started: "accepted, never started, and in no queue: it was lost, or another program removed it",
  no_end: "started, and no end is recorded: lost, or its worker was killed within half a second of its end",
  letter_gone: "it died, and another program removed its dead letter",
};

const gapColumns: readonly Column<AuditGap>[] = [
  { title: "GAP", text: ({ kind }) => kind },
  { title: "JOB", text: ({ id }) => id },
  { title: "TYPE", text: ({ type }) => type },
  { title: "QUEUE", text: ({ queue }) => queue },
  { title: "ENQUEUED", text: ({ enqueuedAt }) => new Date(enqueuedAt).toISOString() },
  { title: "LAST STATE", text: ({ state, at }) => `${state} since ${new Date(at).toISOString()}` },
  { title: "WORKER", text: ({ worker }) => worker ?? "-" },
];

const queueColumns: readonly Column<AuditQueue>[] = [
  { title: "QUEUE", text: ({ queue }) => queue },
  { title: "EXPECTED", text: ({ expected }) => String(expected), align: "right" },
  { title: "COUNTED", text: ({ counted }) => String(counted), align: "right" },
];

async function auditJobs(options: Options): Promise<void> {
  const { last, queue } = options;
  const audit = await connected(options, {}, (jobs) => jobs.audit({ last, ...(queue !== undefined && { queue }) }));
  if (options.json) printJson(audit);
  else printAudit(audit);
  if (audit.missing === 0) return;
  const atLeast = audit.exact ? "" : "at least ";
  throw new CommandError("JOBS_MISSING", `${atLeast}${audit.missing} of ${audit.accepted} accepted jobs are nowhere`);
}

function printAudit(audit: Audit): void {
  const { since, until, accepted, completed, discarded, cancelled, dead, unfinished, unrecorded, missing } = audit;
  const sums = { accepted, completed, discarded, cancelled, dead, unfinished, unrecorded, missing };
  printText(`Jobs enqueued from ${new Date(since).toISOString()} to ${new Date(until).toISOString()}\n`);
  const rows = Object.entries(sums).map(([what, jobs]) => ({ what, jobs: String(jobs) }));
  printText(
    table(
      [
        { title: "JOBS", text: ({ what }) => what },
        { title: "", text: ({ jobs }) => jobs, align: "right" },
      ],
      rows,
    ),
  );
  if (audit.gaps.length > 0) printText(`\n${table(gapColumns, audit.gaps)}`);
  if (audit.exact) return;
  printText(
    "\nThe broker lets no one look up a job: the unfinished ones that are due were compared with the count of their queue.",
  );
  if (audit.queues.length > 0) printText(`\n${table(queueColumns, audit.queues)}`);
}
