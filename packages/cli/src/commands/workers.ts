import type { Command } from "commander";
import type { LiveWorker } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { examples, section } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { span } from "../output/duration-text.ts";
import { type Column, table } from "../output/table.ts";

const columns: readonly Column<LiveWorker>[] = [
  { title: "WORKER", text: ({ id }) => id },
  { title: "HOST", text: ({ host, task }) => (task === undefined ? host : `${host} (task ${task})`) },
  { title: "PID", text: ({ pid }) => String(pid), align: "right" },
  { title: "VERSION", text: ({ version }) => version ?? "-" },
  { title: "QUEUES", text: ({ queues }) => queues.join(",") },
  { title: "RUNNING", text: ({ running, concurrency }) => `${running} of ${concurrency}`, align: "right" },
  { title: "UP", text: ({ startedAt }) => span(Date.now() - startedAt), align: "right" },
  { title: "HEARD", text: ({ heardMs }) => `${span(heardMs)} ago`, align: "right" },
];

export function workersCommand(program: Command): void {
  const command = program
    .command("workers")
    .summary("list the workers that run now")
    .description("List the workers that run on this backend now, on every host, and what each is doing.");
  examples(
    shared(command).action(listWorkers),
    ["waybill workers", "a table"],
    ["waybill workers --json", "one line per worker; times in milliseconds"],
  );
  section(
    command,
    "Note",
    "A worker that was killed is listed until it has missed three heartbeats: 30 s with the default of --heartbeat.",
  );
}

async function listWorkers(options: SharedOptions): Promise<void> {
  const workers = await connected(options, {}, (jobs) => jobs.workers());
  if (options.json) workers.forEach(printJson);
  else printText(workers.length > 0 ? table(columns, workers) : "No worker runs.");
}
