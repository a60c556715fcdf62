import type { AttemptRecord, JobRecord, Jobs } from "@waybill/core";
import { isWaybillError } from "@waybill/core";
import { span } from "../../output/duration-text.ts";
import { bold } from "../../output/style.ts";
import { type Column, table } from "../../output/table.ts";

/** Reads the record of a job; null where there is none, also where the backend keeps no records. */
export async function recordIn(jobs: Jobs, id: string): Promise<JobRecord | null> {
  try {
    return await jobs.records.get(id);
  } catch (thrown) {
    if (isWaybillError(thrown, "CAPABILITY_MISSING")) return null;
    throw thrown;
  }
}

/** Returns the parts of `show` that come from a record: how the job ended, its progress, attempts, errors and log lines. */
export function recordParts(record: JobRecord): string[] {
  const { state, code, message, endedAt, progress, attempts, logs } = record;
  const ended = endedAt === null ? "" : `, ended ${iso(endedAt)}`;
  const lines = [`${bold("RECORD")}  ${state}${ended}${code === null ? "" : `, ${code}: ${oneLine(message ?? "")}`}`];
  if (progress !== null) {
    const { done, total, message: text, at } = progress;
    lines.push(
      `${bold("PROGRESS")}  ${done}${total === null ? "" : ` of ${total}`}${text === null ? "" : `, ${oneLine(text)}`}, ${iso(at)}`,
    );
  }
  const stacks = attempts.flatMap(({ attempt, stack }) =>
    stack === null ? [] : [`${bold(`ATTEMPT ${attempt}`)}\n${stack}`],
  );
  return [
    lines.join("\n"),
    ...(attempts.length === 0 ? [] : [table(columns, attempts)]),
    ...stacks,
    ...(logs.length === 0
      ? []
      : [logs.map(({ at, attempt, text }) => `${iso(at)}  ${attempt}  ${oneLine(text)}`).join("\n")]),
  ];
}

const columns: readonly Column<AttemptRecord>[] = [
  { title: "ATTEMPT", text: (row) => String(row.attempt), align: "right" },
  { title: "STARTED", text: (row) => iso(row.startedAt) },
  { title: "TOOK", text: (row) => (row.durationMs === null ? "-" : span(row.durationMs)), align: "right" },
  { title: "OUTCOME", text: (row) => row.outcome },
  { title: "WORKER", text: (row) => (row.task === undefined ? row.worker : `${row.worker}, task ${row.task}`) },
  {
    title: "WHY",
    text: (row) => (row.code === null ? "-" : `${row.code}: ${oneLine(row.message ?? "").slice(0, 200)}`),
  },
];

const iso = (at: number): string => new Date(at).toISOString();
const oneLine = (text: string): string => text.replaceAll(/[\r\n]+/g, " ");
