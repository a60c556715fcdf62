import type { StoredJob } from "../../backend/job-control.ts";
import type { LiveWorker } from "../../backend/live-worker.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { ledgerPrefix } from "../ledger-key.ts";
import { QUEUE_LIMIT } from "../limits/limit-gate.ts";
import { reason } from "./reason.ts";
import { ownerOf, type View } from "./view.ts";
import type { AnyReason, SlotJob } from "./why-api.ts";
import { counted, moment, named } from "./words.ts";
import { workersOf } from "./workers-of.ts";

/** The most slots that a ledger keeps of one key. */
const MOST_SLOTS = 1_000;

/** Says that a concurrency key of the job is full, or its queue is; null when none is. */
export async function fullness(view: View, job: StoredJob): Promise<AnyReason | null> {
  const { trace, envelope, seam } = view;
  const keys = envelope?.meta?.limits ?? {};
  if (trace?.place === "queue" && trace.full !== null) {
    const { name, key, jobs } = trace.full;
    return keyFull(view, job, name, keys[name] ?? key, jobs);
  }
  const { ledger } = seam;
  const isCounted = seam.backend.capabilities.keyConcurrency === true;
  if (!isCounted && ledger !== null) {
    for (const [name, key] of Object.entries(keys)) {
      const jobs = await fullSlots(
        ledger,
        name,
        key,
        mostOf(view, job.queue, ({ names }) => names[name]),
      );
      if (jobs !== null) return keyFull(view, job, name, key, jobs);
    }
  }
  const most = mostOf(view, job.queue, ({ queues }) => queues[job.queue]);
  if (most === null) return null;
  if (!isCounted) {
    const jobs = ledger && (await fullSlots(ledger, QUEUE_LIMIT, job.queue, most));
    return jobs && queueFull(view, job, most, jobs.length, jobs);
  }
  const counts = (await seam.inspector?.counts([job.queue])) ?? [];
  const leased = counts.find(({ queue }) => queue === job.queue)?.leased ?? 0;
  if (leased < most) return null;
  const ids = (view.workers ?? []).flatMap(({ jobs = [] }) => jobs.filter(({ queue }) => queue === job.queue));
  return queueFull(
    view,
    job,
    most,
    leased,
    ids.map(({ id }) => id),
  );
}

/** The number of a limit, as the live workers of the queue keep to it: the highest, where a deployment changes it. Null for none. */
function mostOf(
  { workers }: View,
  queue: string,
  numberOf: (limits: NonNullable<LiveWorker["concurrencyLimits"]>) => number | undefined,
): number | null {
  const numbers = workersOf(workers ?? [], queue).flatMap(({ concurrencyLimits }) => {
    const number = concurrencyLimits && numberOf(concurrencyLimits);
    return number === undefined ? [] : [number];
  });
  return numbers.length === 0 ? null : Math.max(...numbers);
}

/** Returns the jobs that have the slots of a key in the ledger; null when it is not full. */
async function fullSlots(ledger: Ledger, name: string, key: string, most: number | null): Promise<string[] | null> {
  if (most === null) return null;
  const slots = await ledger.list({ prefix: ledgerPrefix("limit", name, key), limit: MOST_SLOTS });
  return slots.length < most ? null : slots.map(({ value }) => value);
}

function slotJobsOf({ workers }: View, ids: readonly string[]): SlotJob[] {
  return ids.map((id) => {
    const found = ownerOf(workers, id);
    return { id, worker: found?.worker.id ?? null, since: found?.entry.since ?? null };
  });
}

function keyFull(
  view: View,
  { type, queue }: StoredJob,
  limit: string,
  key: string,
  ids: readonly string[],
): AnyReason {
  const jobs = slotJobsOf(view, ids);
  const text = `Its key "${key}" of limit "${limit}" is full: ${said(jobs)}. It runs when one of them ends.`;
  const remedy = `Wait, raise \`concurrency\` of the limit "${limit}" in the workers, or cancel one that has a slot.`;
  return reason("KEY_FULL", { type, queue, limit, key, jobs }, text, remedy);
}

function queueFull(
  view: View,
  { type, queue }: StoredJob,
  concurrency: number,
  leased: number,
  ids: readonly string[],
): AnyReason {
  const jobs = slotJobsOf(view, ids);
  const text = `Queue "${queue}" runs ${concurrency} at once over all workers, and ${leased} are leased: ${said(jobs)}.`;
  const remedy = `Wait, or raise \`concurrency\` of queue "${queue}" in the \`queues\` of the workers.`;
  return reason("QUEUE_FULL", { type, queue, concurrency, leased, jobs }, text, remedy);
}

function said(jobs: readonly SlotJob[]): string {
  if (jobs.length === 0) return "by jobs that no live worker reports";
  const each = jobs.map(({ id, worker, since }) => {
    const by = worker === null ? "" : ` on ${worker}`;
    return `${id}${by}${since === null ? "" : ` since ${moment(since)}`}`;
  });
  return `${counted(jobs.length, "job has", "jobs have")} its slots (${named(each)})`;
}
