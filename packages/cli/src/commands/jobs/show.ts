import type { Command } from "commander";
import type { JobRecord, StoredJob } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../../connection.ts";
import { CommandError } from "../../exit.ts";
import { nonEmpty } from "../../options/values.ts";
import { examples } from "../../output/help.ts";
import { printJson, printText } from "../../output/print.ts";
import { bold } from "../../output/style.ts";
import { jobJson, whenOf } from "./list.ts";
import { recordIn, recordParts } from "./record-page.ts";

/** The most characters of a body that are printed. */
const LONGEST_BODY = 2_000;

export function showCommand(jobs: Command): void {
  const command = jobs
    .command("show")
    .argument("<id>", "the job's id, as its receipt or `waybill jobs list` has it", nonEmpty)
    .summary("show one, with its envelope and its record")
    .description(
      "Show one job: its state, its times, why it is a dead letter if it is one, the envelope, and what is recorded of it: attempts, errors, progress and log lines.",
    );
  examples(
    shared(command).action(showJob),
    ["waybill jobs show 0199a3c2-…", "where it is"],
    ["waybill jobs show --json 0199a3c2-…", "the same as one line of JSON, with the whole envelope"],
  );
}

async function showJob(id: string, options: SharedOptions): Promise<void> {
  const { job, record } = await connected(options, {}, async (jobs) => {
    const recorded = await recordIn(jobs, id);
    // Where the backend cannot look the job up, its record is all there is.
    const found = jobs.find(id);
    return { job: await (recorded === null ? found : found.catch(() => null)), record: recorded };
  });
  if (job === null && record === null) throw notFound(id);
  if (options.json) printJson({ ...(job === null ? { id } : (jobJson(job) as object)), record });
  else
    printText(
      [
        ...(job === null ? [endedPage(record as JobRecord)] : [pageOf(job)]),
        ...(record === null ? [] : recordParts(record)),
      ].join("\n\n"),
    );
}

/** A job that its store no longer has. */
function endedPage({ id, type, queue, tenant, enqueuedAt, payload }: JobRecord): string {
  const facts = [
    ["ID", id],
    ["TYPE", type],
    ["QUEUE", queue],
    ...(tenant === null ? [] : [["TENANT", tenant]]),
    ["ENQUEUED", `${whenOf(enqueuedAt)}, ${new Date(enqueuedAt).toISOString()}`],
    ["PAYLOAD", payload === null ? "unknown" : payload.slice(0, LONGEST_BODY)],
  ];
  return facts.map(([name = "", value = ""]) => `${bold(name.padEnd(8))}  ${value.replaceAll("\n", " ")}`).join("\n");
}

/** Returns the error for a job that was named and is not there. */
export function notFound(id: string): CommandError {
  return new CommandError(
    "NOT_FOUND",
    `no job has the id "${id}": it has ended, was cancelled or was never enqueued here`,
  );
}

function pageOf(job: StoredJob): string {
  const { id, type, queue, state, tenant, priority, attempt, enqueuedAt, dueAt, reason, body } = job;
  const timed = (at: number): string => `${whenOf(at)}, ${new Date(at).toISOString()}`;
  const facts: readonly (readonly [string, string])[] = [
    ["ID", id],
    ["TYPE", type],
    ["QUEUE", queue],
    ["STATE", state],
    ...(tenant === null ? [] : [["TENANT", tenant] as const]),
    ...(priority === 0 ? [] : [["PRIORITY", String(priority)] as const]),
    ["ATTEMPT", String(attempt)],
    ["ENQUEUED", enqueuedAt === null ? "unknown" : timed(enqueuedAt)],
    ...(dueAt === null ? [] : [[state === "leased" ? "LEASED UNTIL" : "DUE", timed(dueAt)] as const]),
    ...(reason === null ? [] : [["WHY", `${reason.code}: ${reason.message}`] as const]),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const cut = body.length > LONGEST_BODY ? `… (cut, ${body.length} characters; --json has them all)` : "";
  const lines = facts.map(([name, value]) => `${bold(name.padEnd(width))}  ${value.replaceAll("\n", " ")}`);
  return [...lines, "", `${body.slice(0, LONGEST_BODY)}${cut}`].join("\n");
}
