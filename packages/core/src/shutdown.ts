import { within } from "./deadline.ts";
import { WaybillError } from "./errors.ts";
import { pause } from "./lease-loop.ts";
import type { Slots } from "./slots.ts";
import type { WorkerSettings } from "./worker-options.ts";

export interface ShutdownSteps {
  readonly slots: Slots;
  readonly settings: Pick<WorkerSettings, "drainMs" | "abortMs" | "closeMs">;
  /** Aborts the lease calls; resolves when their loops have ended. */
  readonly stopLeasing: () => Promise<unknown>;
  /** Puts back what has not started. */
  readonly releaseWaiting: () => void;
  /** Nobody is to count on this worker any more. Never rejects. */
  readonly withdraw: () => Promise<void>;
  /** Resolves when somebody loses patience: the draining is skipped. */
  readonly hurried: Promise<void>;
}

/**
 * The four steps, each with its own limit. Safety does not depend on any of them: a lease that is not settled in
 * time expires, and the job runs elsewhere.
 */
export async function shutDown(steps: ShutdownSteps): Promise<void> {
  const { slots, settings, hurried } = steps;
  const loopsEnded = steps.stopLeasing();
  slots.announceRoom();
  steps.releaseWaiting();
  await Promise.race([until(slots, () => slots.running === 0, settings.drainMs), hurried]);
  const reason = new WaybillError("SHUTDOWN", "the worker is shutting down; the job goes back to its queue");
  for (const held of slots.held) if (held.state === "running") held.execution.cancel(reason, settings.abortMs);
  await until(slots, () => slots.running === 0, settings.abortMs + 100);
  const settled = until(slots, () => slots.held.size === 0, settings.closeMs);
  const ended = Promise.all([loopsEnded, settled, steps.withdraw()]);
  await within(ended, settings.closeMs);
}

/** Resolves when `test` holds, or after `limitMs`. */
async function until(slots: Slots, test: () => boolean, limitMs: number): Promise<void> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  while (!test() && !limit.signal.aborted) await Promise.race([slots.whenRoom(), pause(50, limit.signal)]);
  clearTimeout(timer);
}
