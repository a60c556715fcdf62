import type { Jobs } from "@waybill/core";
import type { Snapshot } from "../live/snapshot.ts";
import { Refusal } from "../refusal.ts";
import { deadGroups } from "./dead-groups.ts";
import { featuresOf, optional } from "../features.ts";
import { deadQueryOf, jobQueryOf } from "./input.ts";
import { bodyView, deadView, jobRow } from "./job-view.ts";

interface Reading {
  readonly jobs: Jobs;
  readonly query: URLSearchParams;
  readonly redact: readonly (readonly string[])[];
  readonly live: () => Promise<Snapshot>;
}

/** The routes that read, by path. */
export const reads: ReadonlyMap<string, (reading: Reading) => Promise<unknown>> = new Map([
  ["overview", ({ live }: Reading): Promise<unknown> => live()],
  ["jobs", listJobs],
  ["job", readJob],
  ["dead", listDead],
  ["dead/one", readDead],
  ["schedules", ({ jobs }: Reading): Promise<unknown> => jobs.schedules.list()],
  ["workers", ({ jobs }: Reading): Promise<unknown> => jobs.workers()],
  ["flows", listFlows],
  ["flow", readFlow],
]);

async function listJobs({ jobs, query, redact }: Reading): Promise<unknown> {
  const page = await jobs.list(jobQueryOf(query, redact.length > 0));
  return { jobs: page.jobs.map((job) => jobRow(job, redact)), next: page.next };
}

async function readJob({ jobs, query, redact }: Reading): Promise<unknown> {
  const id = query.get("id") ?? "";
  const { records, why } = featuresOf(jobs);
  // Where a backend cannot be looked into, a record may still be there.
  const [job, record, because] = await Promise.all([
    records === null ? jobs.find(id) : optional(() => jobs.find(id)),
    optional(records && (() => records.get(id))),
    optional(why && (() => why(id))),
  ]);
  // A job that has ended is no error: the page that shows it asks every few seconds.
  const body = job === null ? null : bodyView(job.body, redact);
  return {
    job: job === null ? null : { ...jobRow(job, redact), ...body },
    record: recordView(record, redact.length > 0),
    why: because,
  };
}

/** A record keeps its payload as text, of which nothing can be left out here. */
function recordView(record: unknown, redacts: boolean): unknown {
  return redacts && typeof record === "object" && record !== null ? { ...record, payload: null } : record;
}

async function listDead({ jobs, query }: Reading): Promise<unknown> {
  const wanted = deadQueryOf(query);
  const records = (await inspectorOf(jobs).deadLetters(wanted)) ?? [];
  return { groups: deadGroups(records), seen: records.length, isCut: records.length === wanted.limit };
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
