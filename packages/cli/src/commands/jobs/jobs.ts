import type { Command } from "commander";
import { examples } from "../../output/help.ts";
import { changeCommands } from "./change.ts";
import { listCommand } from "./list.ts";
import { showCommand } from "./show.ts";

export function jobsCommand(program: Command): void {
  const jobs = program
    .command("jobs")
    .summary("list, show, cancel, run or reschedule jobs")
    .description("List, show, cancel, run and reschedule the jobs that the backend has, dead letters included.");
  examples(
    jobs,
    ["waybill jobs list --state delayed", "those that wait for their time"],
    ["waybill jobs show 0199a3c2-…", "one job, with its envelope"],
    ["waybill jobs cancel 0199a3c2-…", "remove it, or abort it if it runs"],
    ["waybill jobs run --queue media --all", "run the delayed jobs of a queue now"],
    ["waybill jobs reschedule 0199a3c2-… --in 2h", "run it in two hours"],
  );
  listCommand(jobs);
  showCommand(jobs);
  changeCommands(jobs);
}
