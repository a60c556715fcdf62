import type { Command } from "commander";
import type { Jobs, StoredSchedule } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../../connection.ts";
import { nonEmpty } from "../../options/values.ts";
import { examples } from "../../output/help.ts";
import { printJson, printText } from "../../output/print.ts";
import { assertNotDeclared, requireSchedule } from "./find.ts";
import { listCommand } from "./list.ts";
import { putCommand } from "./put.ts";

export function schedulesCommand(program: Command): void {
  const schedules = program
    .command("schedules")
    .summary("list, put, pause, run or remove schedules")
    .description(
      "List schedules and their next ticks, put them, pause and resume them, run them now, and remove them.",
    );
  examples(
    schedules,
    ["waybill schedules list", "what ticks when, each in its time zone"],
    [
      'waybill schedules put nightly report.build --cron "0 3 * * *" --time-zone Europe/Vienna --jobs ./jobs.js',
      "every night at 3 in Vienna",
    ],
    ["waybill schedules pause nightly", "until it is resumed"],
    ["waybill schedules run nightly", "once, now"],
  );
  listCommand(schedules);
  putCommand(schedules);
  for (const verb of verbs) verbCommand(schedules, verb);
}

interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Changes the schedule, which was `before`. Returns what to print, without and with `--json`. */
  readonly run: (
    jobs: Jobs,
    name: string,
    before: StoredSchedule,
  ) => Promise<{ readonly text: string; readonly json: object }>;
}

const verbs: readonly Verb[] = [
  {
    name: "pause",
    summary: "stop its ticks",
    description:
      "Stop the ticks of a schedule until it is resumed, also over deployments. Its jobs that wait still run.",
    async run({ schedules }, name) {
      await schedules.pause(name);
      return { text: `${name} is paused.`, json: { name, paused: true } };
    },
  },
  {
    name: "resume",
    summary: "let it tick again",
    description: "Let a paused schedule tick again. Ticks of the pause are not made up for.",
    async run({ schedules }, name) {
      await schedules.resume(name);
      return { text: `${name} ticks again.`, json: { name, paused: false } };
    },
  },
  {
    name: "run",
    summary: "enqueue its job now",
    description: "Enqueue the job of a schedule now, beside its ticks and also while it is paused.",
    async run({ schedules }, name) {
      const { id } = await schedules.runNow(name);
      return { text: `${id} of ${name} is stored.`, json: { name, id } };
    },
  },
  {
    name: "remove",
    summary: "delete one that was put",
    description: "Delete a schedule that was put at run time. One that a worker declares is removed from the code.",
    async run({ schedules }, name, before) {
      assertNotDeclared(before, "removed");
      await schedules.remove(name);
      return { text: `${name} is removed.`, json: { name, removed: true } };
    },
  },
];

function verbCommand(schedules: Command, { name, summary, description, run }: Verb): void {
  const command = schedules
    .command(name)
    .summary(summary)
    .description(description)
    .argument("<name>", "its name", nonEmpty);
  examples(
    shared(command).action(async (schedule: string, options: SharedOptions) => {
      const { text, json } = await connected(options, {}, async (jobs) => {
        return run(jobs, schedule, await requireSchedule(jobs, schedule));
      });
      if (options.json) printJson(json);
      else printText(text);
    }),
    [`waybill schedules ${name} nightly`, summary],
  );
}
