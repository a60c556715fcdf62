import type { Lease } from "../backend/contract.ts";
import { backOffMs } from "../execution/run-tracker.ts";
import { type Outcome, release } from "../job/outcome.ts";

/** The worker stops. */
export const stopping: Outcome = release(0, "SHUTDOWN", "the worker is shutting down; the job had not started");

/** The job waited too long for a slot, or more jobs were leased than slots are free. */
export const busy: Outcome = release(
  0,
  "BUSY",
  "the job waited for a slot behind long jobs; another worker may be free",
);

/** As many jobs of the type run here as its concurrency allows. Delayed by a second or two, so that the same jobs are not leased again at once. */
export function typeFull(): Outcome {
  const delayMs = 1_000 + Math.floor(Math.random() * 1_000);
  return release(
    delayMs,
    "TYPE_BUSY",
    "as many jobs of this type run here as its concurrency allows; another worker may be free",
  );
}

/** Jobs that were lost together become due again at different times. */
export function besideIsolated(lease: Lease): Outcome {
  const delayMs = backOffMs(lease.releases) * (0.5 + Math.random() / 2);
  const why = `${lease.lost} deliveries ended with their worker gone, and another job as often lost is to run alone here`;
  return release(delayMs, "SUSPECT", why);
}
