import { WAIT_MS } from "./lease-loop.ts";
import type { Reachability } from "../observability/reachability.ts";

/**
 * State of a worker, for health checks:
 *
 * - `"new"`: not started.
 * - `"running"`: leases jobs.
 * - `"unavailable"`: calls on the backend fail. The worker keeps trying.
 * - `"silent"`: a lease call has not returned for 30 s; it should return within 10 s. Restarting the process may help.
 * - `"draining"`: shutting down.
 * - `"stopped"`: shut down.
 */
export type WorkerState = Phase | "unavailable" | "silent";

/** The states that depend on the worker alone. */
export type Phase = "new" | "running" | "draining" | "stopped";

/** State and load of a worker, for health checks. */
export interface WorkerHealth {
  readonly state: WorkerState;
  /** Jobs that are running. */
  readonly running: number;
  /** Jobs that may run at once. */
  readonly concurrency: number;
  /**
   * Milliseconds since a call of this worker on its backend last succeeded; null before the first. Up to 10,000 on an empty
   * queue. Longer while long jobs occupy all slots, because the worker leases none then.
   */
  readonly lastResponseMs: number | null;
  /** Error message of the last call that failed; null while all succeed. */
  readonly message: string | null;
  /** Milliseconds since calls began to fail; null while all succeed. */
  readonly unavailableMs: number | null;
}

const SILENT_MS = WAIT_MS + 20_000;

export function healthOf(
  phase: Phase,
  reachability: Reachability,
  load: Pick<WorkerHealth, "running" | "concurrency">,
): WorkerHealth {
  const message = reachability.message();
  const facts = {
    ...load,
    lastResponseMs: reachability.respondedMs(),
    message,
    unavailableMs: reachability.failingMs(),
  };
  if (phase !== "running") return { state: phase, ...facts };
  if (message !== null) return { state: "unavailable", ...facts };
  return { state: reachability.askingMs() > SILENT_MS ? "silent" : "running", ...facts };
}
