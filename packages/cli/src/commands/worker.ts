import type { Command } from "commander";
import { shared, type SharedOptions } from "../connection.ts";
import { examples, section } from "../help.ts";
import { type KeyFlags, keysOption } from "../keys.ts";
import { loadHandlers } from "../load-jobs.ts";
import { runWorker } from "../run-worker.ts";
import { jobsOption, type WorkerFlags, workerOptions } from "../worker-options.ts";

interface Options extends SharedOptions, WorkerFlags, KeyFlags {
  readonly jobs: string;
}

export function workerCommand(program: Command): void {
  const command = program
    .command("worker")
    .summary("run jobs until told to stop")
    .description("Run jobs until SIGTERM or SIGINT, then finish or hand back what runs, and print a summary.")
    .addOption(jobsOption().makeOptionMandatory());
  workerOptions(command).addOption(keysOption());
  examples(
    shared(command).action(work),
    ["waybill worker --jobs ./jobs.js", "every queue the jobs name"],
    ["waybill worker --jobs ./jobs.js --queues mailers --concurrency 50", "mail only, fifty at once"],
    ["waybill worker --jobs ./jobs.js --drain 100s", "for a platform that waits two minutes"],
  );
  section(
    command,
    "Output",
    "stdout carries one JSON object per line and ends with the summary; what handlers log by `console` goes to stderr.",
    "A second signal shortens the shutdown, a third ends it at once.",
  );
}

async function work(options: Options): Promise<void> {
  await runWorker({
    options,
    role: "worker",
    async load() {
      const handlers = await loadHandlers(options.jobs);
      return { known: handlers, jobs: () => handlers };
    },
  });
}
