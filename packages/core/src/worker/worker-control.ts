import { WaybillError } from "../errors.ts";
import { type ControlWatch, createControlWatch } from "../features/control/control-watch.ts";
import type { JobControl } from "../backend/job-control.ts";
import type { Ledger } from "../backend/ledger.ts";
import type { EventBus } from "../observability/events.ts";
import { errorMessage } from "../values/thrown.ts";
import type { InFlightJob } from "./in-flight-job.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";
import type { JobRunner } from "./job-runner.ts";

export interface WorkerControlSettings {
  /** Null: nothing is ever paused or cancelled. */
  readonly ledger: Ledger | null;
  /** Null where the backend cannot find jobs. */
  readonly jobControl: JobControl | null;
  readonly events: EventBus;
  readonly worker: string;
  readonly queues: readonly string[];
  readonly heartbeatMs: number;
}

/** A cancel reaches a running job within this time, whatever the heartbeat is. */
const LONGEST_MS = 5_000;

/** Makes the watch of one worker, which reads pauses and cancels as often as the worker beats. Null without a ledger. */
export function createWorkerControl(settings: WorkerControlSettings): ControlWatch | null {
  const { ledger, jobControl, events, worker, queues, heartbeatMs } = settings;
  if (ledger === null) return null;
  let isFailing = false;
  return createControlWatch({
    ledger,
    jobControl,
    everyMs: Math.min(heartbeatMs, LONGEST_MS),
    changed({ since: _since, ...target }, isPaused) {
      if ("queue" in target && !queues.includes(target.queue)) return;
      events.emit(isPaused ? "paused" : "resumed", { worker, ...target });
    },
    failed(error) {
      if (!isFailing) events.emit("control_unread", { worker, message: errorMessage(error) });
      isFailing = true;
    },
    succeeded: () => void (isFailing = false),
  });
}

/** Ends or releases the jobs of a worker after each change: those that are paused have not started, those that are cancelled may run. */
export function applyControl(
  control: ControlWatch,
  inFlight: InFlightJobs,
  runner: JobRunner,
  { abortMs }: { readonly abortMs: number },
): void {
  function abort(job: InFlightJob): void {
    if (job.state !== "running") return;
    const error = new WaybillError("JOB_CANCELLED", "the job was cancelled; it will not run again");
    job.handle.cancelJob(error, abortMs);
  }

  control.onChange(() => {
    for (const job of inFlight) {
      if (job.state === "leased") {
        const refusal = control.refusal(job.lease);
        if (refusal !== null) runner.release(job, refusal);
      } else if (job.state === "running") {
        const isCancelled = control.isCancelled(job.lease);
        if (isCancelled === true) abort(job);
        else if (isCancelled !== false) void isCancelled.then((is) => is && abort(job));
      }
    }
  });
}
