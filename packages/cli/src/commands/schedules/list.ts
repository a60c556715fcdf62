import type { Command } from "commander";
import type { StoredSchedule } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../../connection.ts";
import { span } from "../../output/duration-text.ts";
import { examples, section } from "../../output/help.ts";
import { printJson, printText } from "../../output/print.ts";
import { type Column, table } from "../../output/table.ts";

const columns: readonly Column<StoredSchedule>[] = [
  { title: "SCHEDULE", text: ({ name }) => name },
  { title: "WHEN", text: timingText },
  { title: "JOB", text: ({ type }) => type },
  { title: "QUEUE", text: ({ queue }) => queue },
  { title: "FROM", text: ({ from }) => from },
  { title: "NEXT", text: nextText },
  { title: "LAST", text: lastText },
];

export function listCommand(schedules: Command): void {
  const command = schedules
    .command("list")
    .summary("show them with their next ticks")
    .description("Show the schedules of the backend with their next tick, each in its own time zone.");
  examples(
    shared(command).action(listSchedules),
    ["waybill schedules list", "a table"],
    ["waybill schedules list --json", "one line per schedule, with its next five ticks in UTC"],
  );
  section(
    command,
    "FROM",
    "code    a worker that runs now declares it",
    "orphan  a worker declared it and none that runs now does: it does not tick",
    "put     it was put at run time",
  );
}

async function listSchedules(options: SharedOptions): Promise<void> {
  const rows = await connected(options, {}, (jobs) => jobs.schedules.list());
  if (options.json) {
    for (const row of rows) printJson({ ...row, next: row.next.map((at) => new Date(at).toISOString()) });
  } else printText(rows.length > 0 ? table(columns, rows) : "There is no schedule.");
}

function timingText({ timing }: StoredSchedule): string {
  switch (timing.kind) {
    case "cron":
      return `${timing.cron} ${timing.timeZone}`;
    case "every":
      return `every ${span(timing.ms)}`;
    case "afterCompletion":
      return `${span(timing.ms)} after each end`;
  }
}

function nextText({ timing, paused, from, next: [at] }: StoredSchedule): string {
  if (paused) return "paused";
  if (from === "orphan") return "-";
  if (at === undefined) return timing.kind === "afterCompletion" ? "when its job has ended" : "never";
  return timeIn(at, timing.kind === "cron" ? timing.timeZone : "UTC");
}

function lastText({ last }: StoredSchedule): string {
  if (last === null) return "-";
  return `${span(Date.now() - last.firedAt)} ago${last.endedAt === null ? ", unfinished" : ""}`;
}

/** Formats a time in a zone: "Mon 2026-03-30 03:00:00 GMT+2". */
export function timeIn(at: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)?.value ?? "";
  const date = `${part("year")}-${part("month")}-${part("day")}`;
  return `${part("weekday")} ${date} ${part("hour")}:${part("minute")}:${part("second")} ${part("timeZoneName")}`;
}
