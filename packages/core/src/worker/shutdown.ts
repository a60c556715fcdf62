import { WaybillError } from "../errors.ts";
import { within } from "../time/time-limit.ts";
import type { RunTracker } from "../execution/run-tracker.ts";
import type { InFlightJob } from "./in-flight-job.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";
import type { WorkerSettings } from "./worker-settings.ts";

export interface ShutdownSteps {
  readonly inFlight: InFlightJobs;
  readonly runs: RunTracker<InFlightJob>;
  readonly settings: Pick<WorkerSettings, "drainMs" | "abortMs" | "closeMs">;
  /** Aborts the lease calls. Resolves when the lease loops have ended. */
  readonly stopLeasing: () => Promise<unknown>;
  /** Releases the jobs that have not started, and those that still arrive. */
  readonly releaseLeased: () => void;
  /** Takes the worker out of the registry. Never rejects. */
  readonly deregister: () => Promise<void>;
  /** Resolves when the shutdown is forced: running jobs are aborted at once. */
  readonly forced: Promise<void>;
}

/**
 * Ends a worker in four steps, each with a time limit. Safety does not depend on any of them: the lease of a job that is not
 * settled in time runs out, and another worker runs the job.
 */
export async function shutDown(steps: ShutdownSteps): Promise<void> {
  const { inFlight, runs, settings, forced } = steps;

  // 1. Lease no more jobs, and release those that have not started.
  const loopsEnded = steps.stopLeasing();
  steps.releaseLeased();

  // 2. Let running jobs finish.
  await runs.whenDecided(settings.drainMs, forced);

  // 3. Abort the rest. `cancel` decides the outcome of those that are unresponsive after `abortMs`.
  const reason = new WaybillError("SHUTDOWN", "the worker is shutting down; the job is released to its queue");
  runs.cancel(reason, settings.abortMs);
  await runs.whenDecided(settings.abortMs + 100);

  // 4. Let outcomes be stored.
  const settled = whenEmpty(inFlight, settings.closeMs);
  await within(Promise.all([loopsEnded, settled, steps.deregister()]), settings.closeMs);
}

/** Resolves when no job is in flight, or after `limitMs`. */
function whenEmpty(inFlight: InFlightJobs, limitMs: number): Promise<void> {
  if (inFlight.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    inFlight.onChange(() => {
      if (inFlight.size > 0) return;
      clearTimeout(timer);
      resolve();
    });
  });
}
