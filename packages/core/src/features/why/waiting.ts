import type { StoredJob } from "../../backend/job-control.ts";
import type { ReturnedJob } from "../../backend/worker-details.ts";
import { parseTimestamp } from "../../envelope/index.ts";
import { fullness } from "./full.ts";
import { lateness, obstacles, pauseReasons, workerReasons } from "./obstacles.ts";
import { reason } from "./reason.ts";
import { returnedReason, retryReason } from "./returned.ts";
import type { Reported } from "./reported.ts";
import type { View } from "./view.ts";
import type { AnyReason, WhyCode } from "./why-api.ts";
import { counted, moment } from "./words.ts";
import { idsOf, knownVersion, workersOf } from "./workers-of.ts";

/** Says why a job waits: the reason that counts now, and then what would keep it from running next. */
export async function waitingReasons(view: View, job: StoredJob): Promise<readonly AnyReason[]> {
  const late = lateness(view, job);
  const blocked = obstacles(view, job);
  const first = job.state === "delayed" ? await delayReason(view, job) : (blocked[0] ?? (await readyReason(view, job)));
  return distinct([...(late === null ? [] : [late]), first, ...blocked]);
}

/** Each code once. */
function distinct(reasons: readonly AnyReason[]): AnyReason[] {
  const seen = new Set<WhyCode>();
  return reasons.filter(({ code }) => !seen.has(code) && seen.add(code));
}

/** Says why a job is not ready yet. */
async function delayReason(view: View, job: StoredJob): Promise<AnyReason> {
  const { type, queue, attempt } = job;
  const until = job.dueAt ?? view.now;
  const waiting = { type, queue, until };
  const returned = view.returned !== null && isLastReturn(view.returned, attempt) ? view.returned : null;
  if (returned !== null) return (await stillSo(view, job, returned.entry)) ?? returnedReason(view, returned, waiting);
  if (attempt > 1) return retryReason(view, waiting, { attempt, error: null, worker: null });
  const scheduledAt = view.envelope?.scheduled_at;
  const isScheduled = scheduledAt !== undefined && parseTimestamp(scheduledAt) > view.now;
  // Not scheduled: rescheduled, or released by a worker that does not report it any more.
  const released = isScheduled ? null : (obstacles(view, job)[0] ?? (await fullness(view, job)));
  if (released !== null) return released;
  const text = `It is delayed until ${moment(until)}: it was enqueued, or rescheduled, for that time.`;
  return reason("DELAYED", waiting, text, "Wait, or run it now: jobs.runNow(id), or `waybill jobs run ID`.");
}

/** Whether the job waits since this return: a failure has raised its attempt, a release has not. */
const isLastReturn = ({ entry }: Reported<ReturnedJob>, attempt: number): boolean =>
  entry.attempt + (entry.how === "retry" ? 1 : 0) === attempt;

/** Why it was released, if that holds still; null where the release itself is all there is to say. */
async function stillSo(view: View, job: StoredJob, { how, code }: ReturnedJob): Promise<AnyReason | null> {
  if (how === "retry") return null;
  if (code === "PAUSED") return pauseReasons(view, job)[0] ?? null;
  if (code === "JOB_UNKNOWN") return workerReasons(view, job)[0] ?? null;
  return code === "LIMIT_FULL" ? fullness(view, job) : null;
}

/** Says why a job that may be leased has not been. */
async function readyReason(view: View, job: StoredJob): Promise<AnyReason> {
  const { type, queue } = job;
  const full = await fullness(view, job);
  if (full !== null) return full;
  const workers = workersOf(view.workers ?? [], queue).filter((worker) => knownVersion(worker, type) !== null);
  const [ahead, higher] = view.trace?.place === "queue" ? [view.trace.ahead ?? 0, view.trace.higher ?? 0] : [0, 0];
  if (ahead > 0) {
    const above = higher === 0 ? "" : `, ${higher} of them with a higher priority`;
    const text = `It is ready, and ${counted(ahead, "job")} of queue "${queue}" ${ahead === 1 ? "is" : "are"} leased before it${above}. ${alive(workers.length, queue)}`;
    const remedy = "Wait, start more workers, or give it a higher `priority` when it is enqueued.";
    return reason("READY_BEHIND", { type, queue, ahead, higher, workers: workers.length }, text, remedy);
  }
  const [running, slots] = [sum(workers.map((one) => one.running)), sum(workers.map((one) => one.concurrency))];
  if (workers.length > 0 && running >= slots) {
    const text = `It is ready and next, and ${counted(workers.length, "live worker")} of queue "${queue}" run ${running} of ${slots} jobs: no slot was free at the last heartbeat.`;
    const remedy = "Wait, start more workers, or raise their `concurrency`.";
    return reason("WORKERS_BUSY", { type, queue, workers: idsOf(workers), running, slots }, text, remedy);
  }
  if (view.isRecorded) {
    const text = `It is ready in queue "${queue}", as its record says. ${alive(workers.length, queue)} ${view.seam.backend.name} delivers messages in turn and does not say how many are before it.`;
    const remedy = "Wait, or start more workers. A worker that leases nothing says why in its log: waybill doctor";
    return reason("READY", { type, queue, workers: workers.length }, text, remedy);
  }
  const text = `It is ready, and the next of queue "${queue}" to be leased. ${alive(workers.length, queue)}`;
  const remedy = "Ask again in a few seconds. A worker that leases nothing says why in its log: waybill doctor";
  return reason("READY_NEXT", { type, queue, workers: workers.length }, text, remedy);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const alive = (workers: number, queue: string): string =>
  `${counted(workers, "live worker")} ${workers === 1 ? "leases" : "lease"} from queue "${queue}".`;
