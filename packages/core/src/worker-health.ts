import { WAIT_MS } from "./lease-loop.ts";
import type { Reachability } from "./reachability.ts";
import type { Slots } from "./slots.ts";

/**
 * "new": not started. "running": asks for jobs and gets answers. "unavailable": the backend fails its calls; it keeps
 * trying. "silent": a call for jobs has had no answer for 30 s, where 10 s is the longest; a fresh process may help.
 * "draining", "stopped": on its way out.
 */
export type WorkerState = Phase | "unavailable" | "silent";

/** As far as the worker itself decides. */
export type Phase = "new" | "running" | "draining" | "stopped";

/** How a worker does, for health checks. */
export interface WorkerHealth {
  readonly state: WorkerState;
  /** Jobs that run now. */
  readonly running: number;
  /** Jobs that may run at once. */
  readonly concurrency: number;
  /**
   * Since the backend last answered a call of this worker; null before the first answer. Up to 10,000 while there is
   * nothing to do, and longer while every place is taken by long jobs: it asks for none then.
   */
  readonly answeredMs: number | null;
  /** What the backend's last failed call said, while some fail. */
  readonly message: string | null;
}

const SILENT_MS = WAIT_MS + 20_000;

export function healthOf(
  phase: Phase,
  reachability: Reachability,
  slots: Pick<Slots, "running" | "concurrency">,
): WorkerHealth {
  const { running, concurrency } = slots;
  const message = reachability.message();
  const facts = { running, concurrency, answeredMs: reachability.answeredMs(), message };
  if (phase !== "running") return { state: phase, ...facts };
  if (message !== null) return { state: "unavailable", ...facts };
  return { state: reachability.askingMs() > SILENT_MS ? "silent" : "running", ...facts };
}
