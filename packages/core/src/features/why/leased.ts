import type { StoredJob } from "../../backend/job-control.ts";
import type { LiveWorker } from "../../backend/live-worker.ts";
import type { WorkerJob } from "../../backend/worker-details.ts";
import type { Cancel } from "../control/control-records.ts";
import { recordedRun, type RecordedRun } from "./recorded.ts";
import { reason } from "./reason.ts";
import type { Reported } from "./reported.ts";
import type { View } from "./view.ts";
import type { AnyReason } from "./why-api.ts";
import { moment } from "./words.ts";
import { workersOf } from "./workers-of.ts";

/** A worker writes its heartbeat a moment after it has looked at its jobs. */
const SLACK_MS = 2_000;

/** Says who has a leased job. */
export function leasedReason(view: View, job: StoredJob): AnyReason {
  const { cancel, owner } = view;
  if (cancel !== null) return cancelRequested(cancel, job, owner?.worker.id ?? null);
  if (owner !== null) return ownedReason(owner, job);
  const run = view.isRecorded && view.record !== null ? recordedRun(view.record) : null;
  if (run !== null) return recordedLease(view, job, run);
  return isOrphan(view, job) ? gone(job) : unreported(job);
}

/** Says which worker has the job. `job`: null where the broker lets no one look. */
export function ownedReason({ worker, entry }: Reported<WorkerJob>, job: StoredJob | null): AnyReason {
  const { type, queue, attempt, since, running } = entry;
  const until = job?.dueAt ?? null;
  const what = running ? "runs it" : "has it and will start it when a slot is free";
  const lease = until === null ? "" : ` Its lease ends ${moment(until)} unless the worker extends it.`;
  const text = `Worker ${worker.id} on ${worker.host} ${what}, attempt ${attempt}, since ${moment(since)}.${lease}`;
  const facts = { type, queue, worker: worker.id, host: worker.host, since, until, attempt, running };
  return reason("LEASED", facts, text, "Wait for it, or end it: jobs.cancel(id), or `waybill jobs cancel ID`.");
}

/** Says which worker its record names. The broker does not say when the lease ends. */
function recordedLease(view: View, job: StoredJob, { worker: id, startedAt }: RecordedRun): AnyReason {
  const worker = view.workers?.find((one) => one.id === id);
  if (worker === undefined) return gone(job);
  const { type, queue, attempt } = job;
  const running = { id: job.id, type, queue, attempt, since: startedAt, running: true };
  return ownedReason({ worker, entry: running }, null);
}

function unreported(job: StoredJob): AnyReason {
  const { type, queue, dueAt: until, attempt } = job;
  const facts = { type, queue, worker: null, host: null, since: null, until, attempt, running: null };
  const lease = until === null ? "" : ` until ${moment(until)}`;
  const text = `A worker has leased it${lease}, attempt ${attempt}. Which one is not known yet: workers report their jobs with each heartbeat, those that they have had longest first.`;
  const remedy =
    "Ask again after a heartbeat (10 s by default). If its worker is gone, it runs again when the lease ends.";
  return reason("LEASED", facts, text, remedy);
}

function gone({ type, queue, dueAt: until, attempt }: StoredJob): AnyReason {
  const end = until === null ? "when the lease ends" : `when the lease ends, ${moment(until)}`;
  const text = `The worker that leased it is gone: no live worker has it. It is delivered again ${end}, still as attempt ${attempt}.`;
  const remedy = "Nothing has to be done. A shorter `lease` of the workers makes this wait shorter.";
  return reason("WORKER_GONE", { type, queue, until, attempt }, text, remedy);
}

/** Says that a job which runs was cancelled. `worker`: null where none has reported it. */
export function cancelRequested(
  { at, by }: Pick<Cancel, "at" | "by">,
  { type, queue }: Pick<StoredJob, "type" | "queue">,
  worker: string | null,
): AnyReason {
  const who = worker === null ? "Its worker" : `Worker ${worker}`;
  const text = `It was cancelled ${moment(at)}${by === null ? "" : ` by ${by}`} while it runs. ${who} aborts it within a heartbeat, 5 s at most; it ends as CANCELLED unless its handler completes.`;
  const remedy =
    "Wait. A handler that does not listen to `job.signal` runs on until the abort limit of its worker has passed.";
  return reason("CANCEL_REQUESTED", { type, queue, at, worker, by }, text, remedy);
}

/**
 * Whether no live worker can have the job. One that has it leased or extended it a lease before the lease's end, and has named it in
 * every heartbeat since.
 */
function isOrphan({ workers, now }: View, { queue, dueAt }: StoredJob): boolean {
  if (workers === null) return false;
  return workersOf(workers, queue).every((worker) => hasNamedAll(worker) && mustHaveNamed(worker, now, dueAt));
}

const hasNamedAll = ({ jobs, leased }: LiveWorker): boolean => jobs !== undefined && leased === jobs.length;

function mustHaveNamed({ heardMs, leaseMs }: LiveWorker, now: number, dueAt: number | null): boolean {
  if (dueAt === null || leaseMs === undefined) return false;
  return now - heardMs - SLACK_MS > dueAt - leaseMs;
}
