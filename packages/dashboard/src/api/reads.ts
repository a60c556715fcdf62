import type { Jobs } from "@waybill/core";
import type { HistorySpan, HistoryView } from "../live/history.ts";
import type { Snapshot } from "../live/snapshot.ts";
import { Refusal } from "../refusal.ts";
import { deadGroups } from "./dead-groups.ts";
import { featuresOf } from "../features.ts";
import { deadQueryOf, jobQueryOf } from "./input.ts";
import { deadView, jobRow } from "./job-view.ts";
import { readJob } from "./read-job.ts";
import { isEndedState, recordRow } from "./record-view.ts";

interface Reading {
  readonly jobs: Jobs;
  readonly query: URLSearchParams;
  readonly redact: readonly (readonly string[])[];
  readonly live: () => Promise<Snapshot>;
  readonly history: (span: HistorySpan) => Promise<HistoryView>;
}

/** The routes that read, by path. */
export const reads: ReadonlyMap<string, (reading: Reading) => Promise<unknown>> = new Map([
  ["overview", ({ live }: Reading): Promise<unknown> => live()],
  ["history", ({ query, history }: Reading): Promise<unknown> => history(query.get("span") === "day" ? "day" : "hour")],
  ["jobs", listJobs],
  ["job", readJob],
  ["dead", listDead],
  ["dead/one", readDead],
  ["schedules", ({ jobs }: Reading): Promise<unknown> => jobs.schedules.list()],
  ["workers", ({ jobs }: Reading): Promise<unknown> => jobs.workers()],
  ["limits", ({ jobs }: Reading): Promise<unknown> => jobs.limitsInUse()],
  ["flows", listFlows],
  ["flow", readFlow],
]);

async function listJobs({ jobs, query, redact }: Reading): Promise<unknown> {
  const wanted = jobQueryOf(query, redact.length > 0);
  const state = query.get("state");
  if (isEndedState(state)) {
    const page = await jobs.records.find({ ...wanted, state });
    return { jobs: page.records.map((record) => recordRow(record, redact)), next: page.next, asOf: page.asOf };
  }
  const page = await jobs.list(wanted);
  const rows = page.jobs.map((job) => jobRow(job, redact));
  return { jobs: rows, next: page.next, ...(page.asOf !== undefined && { asOf: page.asOf }) };
}

async function listDead({ jobs, query, redact }: Reading): Promise<unknown> {
  const wanted = deadQueryOf(query);
  const before = Number(query.get("before") ?? Infinity);
  const asOf = Date.now();
  const records = await inspectorOf(jobs).deadLetters(wanted);
  const shown = records.filter(({ diedAt }) => before === Infinity || (diedAt !== null && diedAt < before));
  return { groups: deadGroups(shown, redact), seen: shown.length, isCut: records.length === wanted.limit, asOf };
}

async function readDead({ jobs, query, redact }: Reading): Promise<unknown> {
  const [record] = await inspectorOf(jobs).deadLetters({ ids: [query.get("id") ?? ""], limit: 1 });
  if (record === undefined) throw new Refusal(404, "NOT_FOUND", "there is no dead letter of this id any more");
  return deadView(record, redact);
}

async function listFlows({ jobs }: Reading): Promise<unknown> {
  const { flows } = featuresOf(jobs);
  if (flows === null) throw new Refusal(404, "NOT_FOUND", "this connection has no flows");
  return flows.list({ limit: 100 });
}

async function readFlow({ jobs, query }: Reading): Promise<unknown> {
  const { flows } = featuresOf(jobs);
  const flow = flows === null ? null : await flows.get(query.get("id") ?? "");
  if (flow === null) throw new Refusal(404, "NOT_FOUND", "there is no such flow");
  return flow;
}

export function inspectorOf({ inspector, backend }: Jobs): NonNullable<Jobs["inspector"]> {
  if (inspector !== null) return inspector;
  throw new Refusal(422, "CAPABILITY_MISSING", `${backend.name} cannot be inspected; use its own tools`);
}
