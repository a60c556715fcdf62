import type { Command } from "commander";
import type { FlowSummary, StoredFlow, StoredFlowMember } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { CommandError } from "../exit.ts";
import { nonEmpty, wholeNumber } from "../options/values.ts";
import { span } from "../output/duration-text.ts";
import { examples } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { type Column, table } from "../output/table.ts";

export function flowsCommand(program: Command): void {
  const flows = program
    .command("flows")
    .summary("list, show or cancel flows")
    .description("List flows, show the members of one, and cancel one.");
  examples(
    flows,
    ["waybill flows list", "the newest first"],
    ["waybill flows show 0199a3c2-…", "its members, and what each waits for"],
    ["waybill flows cancel 0199a3c2-…", "stop what has not started"],
  );
  listCommand(flows);
  showCommand(flows);
  cancelCommand(flows);
}

const columns: readonly Column<FlowSummary>[] = [
  { title: "FLOW", text: ({ id }) => id },
  { title: "NAME", text: ({ name }) => name },
  { title: "STATE", text: ({ state }) => state },
  { title: "JOBS", text: ({ size }) => String(size) },
  { title: "STARTED", text: ({ startedAt }) => `${span(Date.now() - startedAt)} ago` },
  { title: "ENDED", text: ({ endedAt }) => (endedAt === null ? "-" : `${span(Date.now() - endedAt)} ago`) },
];

const memberColumns: readonly Column<StoredFlowMember>[] = [
  { title: "JOB", text: ({ id }) => id },
  { title: "TYPE", text: ({ type }) => type },
  { title: "QUEUE", text: ({ queue }) => queue },
  { title: "STATE", text: ({ state }) => state },
  { title: "AFTER", text: ({ after, when }) => (after.length === 0 ? "-" : `${after.length} ${when}`) },
  { title: "REASON", text: ({ reason }) => reason?.code ?? "-" },
];

interface ListOptions extends SharedOptions {
  readonly limit: number;
}

function listCommand(flows: Command): void {
  const command = flows
    .command("list")
    .summary("show the newest flows")
    .description(
      "Show flows with their state, the newest first. A flow that has ended is listed for as long as it is kept.",
    )
    .option("--limit <count>", "how many at most, up to 1000", wholeNumber(1), 100);
  examples(
    shared(command).action(async ({ limit, ...options }: ListOptions) => {
      const page = await connected(options, {}, (jobs) => jobs.flows.list({ limit }));
      if (options.json) for (const row of page.flows) printJson(row);
      else printText(page.flows.length > 0 ? table(columns, page.flows) : "There is no flow.");
    }),
    ["waybill flows list --limit 10", "the last ten"],
  );
}

function showCommand(flows: Command): void {
  const command = flows
    .command("show")
    .summary("show the members of one")
    .description("Show one flow with its members, in the order in which they were added.")
    .argument("<id>", "the id that start() returned", nonEmpty);
  examples(
    shared(command).action(async (id: string, options: SharedOptions) => {
      const flow = required(await connected(options, {}, (jobs) => jobs.flows.get(id)), id);
      if (options.json) return printJson(flow);
      printText(table(columns, [flow]));
      printText("");
      printText(table(memberColumns, flow.members));
    }),
    ["waybill flows show 0199a3c2-…", "its members, and what each waits for"],
  );
}

function cancelCommand(flows: Command): void {
  const command = flows
    .command("cancel")
    .summary("stop what has not started")
    .description("Cancel a flow: its members that have not started never run. Those that run end as they would.")
    .argument("<id>", "the id that start() returned", nonEmpty);
  examples(
    shared(command).action(async (id: string, options: SharedOptions) => {
      const isCancelled = await connected(options, {}, async (jobs) => {
        required(await jobs.flows.get(id), id);
        return jobs.flows.cancel(id);
      });
      if (!isCancelled) throw new CommandError("NOT_CHANGED", `flow "${id}" has ended`);
      if (options.json) printJson({ id, cancelled: true });
      else printText(`Flow ${id} is cancelled.`);
    }),
    ["waybill flows cancel 0199a3c2-…", "what runs ends, nothing more starts"],
  );
}

function required(flow: StoredFlow | null, id: string): StoredFlow {
  if (flow !== null) return flow;
  throw new CommandError("NOT_FOUND", `there is no flow "${id}"; "waybill flows list" shows those there are`);
}
