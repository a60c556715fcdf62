import type { Command } from "commander";
import type { Duration } from "@waybill/core";
import { shared, type SharedOptions } from "../connection.ts";
import { examples, section } from "../output/help.ts";
import { type KeyFlags, keysOption } from "../options/keys.ts";
import { loadHandlers, loadSchedules } from "../jobs-file/load.ts";
import { runWorker } from "../run-worker.ts";
import { type RecordFlags, recordOptions } from "../options/records.ts";
import { duration } from "../options/values.ts";
import { jobsOption, type WorkerFlags, workerOptions } from "../options/worker.ts";

interface Options extends SharedOptions, WorkerFlags, KeyFlags, RecordFlags {
  readonly jobs: string;
  /** Omitted: no canary jobs. */
  readonly canary?: Duration;
}

export function workerCommand(program: Command): void {
  const command = program
    .command("worker")
    .summary("run jobs until SIGTERM or SIGINT")
    .description("Run jobs until SIGTERM or SIGINT, then finish or release running jobs and print a summary.")
    .addOption(jobsOption().makeOptionMandatory())
    .option(
      "--canary <duration>",
      "send a job that does nothing through each queue this often, for an alert on its age",
      duration,
    );
  recordOptions(workerOptions(command).addOption(keysOption()));
  examples(
    shared(command).action(work),
    ["waybill worker --jobs ./jobs.js", "from every queue of the jobs"],
    ["waybill worker --jobs ./jobs.js --queues mailers --concurrency 50", "mail only, fifty jobs at once"],
    ["waybill worker --jobs ./jobs.js --drain 100s", "for a platform that waits two minutes"],
  );
  section(
    command,
    "Output",
    "One JSON object per line on stdout, text on a terminal without --json; the last line is the summary of the shutdown.",
    "Output of handlers by `console` goes to stderr.",
    "A second signal shortens the shutdown, a third ends the process at once.",
  );
}

async function work(options: Options): Promise<void> {
  await runWorker({
    options,
    role: "worker",
    async load() {
      const handlers = await loadHandlers(options.jobs);
      const schedules = await loadSchedules(options.jobs);
      return { known: handlers, jobs: () => handlers, schedules, canary: options.canary };
    },
  });
}
