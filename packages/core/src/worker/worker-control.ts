import { WaybillError } from "../errors.ts";
import { type ControlWatch, createControlWatch } from "../features/control/control-watch.ts";
import type { Ledger } from "../backend/ledger.ts";
import type { EventBus } from "../observability/events.ts";
import { errorMessage } from "../values/thrown.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";
import type { JobRunner } from "./job-runner.ts";

export interface WorkerControlSettings {
  /** Null: nothing is ever paused or cancelled. */
  readonly ledger: Ledger | null;
  readonly events: EventBus;
  readonly worker: string;
  readonly queues: readonly string[];
  readonly heartbeatMs: number;
}

/** A cancel reaches a running job within this time, whatever the heartbeat is. */
const LONGEST_MS = 5_000;

/** Makes the watch of one worker, which reads pauses and cancels as often as the worker beats. Null without a ledger. */
export function createWorkerControl(settings: WorkerControlSettings): ControlWatch | null {
  const { ledger, events, worker, queues, heartbeatMs } = settings;
  if (ledger === null) return null;
  let isFailing = false;
  return createControlWatch({
    ledger,
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
  control.onChange(() => {
    for (const job of inFlight) {
      if (job.state === "leased") {
        const refusal = control.refusal(job.lease);
        if (refusal !== null) runner.release(job, refusal);
      } else if (job.state === "running" && control.isCancelled(job.lease)) {
        job.handle.cancelJob(
          new WaybillError("JOB_CANCELLED", "the job was cancelled; it will not run again"),
          abortMs,
        );
      }
    }
  });
}
