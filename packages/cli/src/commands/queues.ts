import type { Command } from "commander";
import type { QueueCounts } from "@waybill/core";
import { inspecting, shared, type SharedOptions } from "../connection.ts";
import { examples } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { span } from "../output/duration-text.ts";
import { type Column, table } from "../output/table.ts";

const columns: readonly Column<QueueCounts>[] = [
  { title: "QUEUE", text: (row) => row.queue },
  { title: "READY", text: (row) => String(row.ready), align: "right" },
  { title: "DELAYED", text: (row) => String(row.delayed), align: "right" },
  { title: "LEASED", text: (row) => String(row.leased), align: "right" },
  { title: "DEAD", text: (row) => String(row.dead), align: "right" },
  { title: "FINISHED", text: (row) => String(row.finished), align: "right" },
  { title: "OLDEST WAIT", text: (row) => (row.oldestWaitMs === null ? "-" : span(row.oldestWaitMs)), align: "right" },
];

/** Prints what could not be read and counts as 0 in the table. */
function printUnreadable(rows: readonly QueueCounts[]): void {
  for (const { queue, unreadable = [] } of rows) {
    for (const text of unreadable) printText(`Not counted in "${queue}": ${text}`);
  }
}

export function queuesCommand(program: Command): void {
  const command = program
    .command("queues")
    .summary("count jobs by queue and state")
    .description("Count the jobs of every queue by state, and show how long its oldest ready job has waited.");
  examples(
    shared(command).action(listQueues),
    ["waybill queues", "a table"],
    ["waybill queues --json", "one line per queue; waits in milliseconds"],
  );
}

async function listQueues(options: SharedOptions): Promise<void> {
  const rows = await inspecting(options, (inspector) => inspector.counts());
  if (options.json) rows.forEach(printJson);
  else printText(rows.length > 0 ? table(columns, rows) : "No queue has a job.");
  if (!options.json) printUnreadable(rows);
}
