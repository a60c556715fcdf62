import type { Lease, LeaseRequest } from "../backend/contract.ts";
import type { Seam } from "../backend/seam.ts";
import { isWaybillError } from "../errors.ts";
import type { Reachability } from "../observability/reachability.ts";
import { createPauseGate, type PauseGateSettings } from "./pause-gate.ts";
import { pause } from "../time/pause.ts";
import { toError } from "../values/thrown.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { FairScheduler } from "./fair-scheduler.ts";
import type { FreezeDetector } from "./freeze-detector.ts";

export interface LeaseLoopSettings extends PauseGateSettings {
  readonly seam: Pick<Seam, "lease" | "extend">;
  readonly dispatcher: Pick<Dispatcher, "nextLimit">;
  readonly scheduler: Pick<FairScheduler, "requested" | "responded">;
  readonly queue: string;
  readonly leaseMs: number;
  /** The numbers of limits that the backend counts itself. */
  readonly limits: Pick<LeaseRequest, "concurrency" | "queueConcurrency">;
  /** Aborts the open lease call and ends the loop. */
  readonly signal: AbortSignal;
  /** Called with the jobs that a call has leased, at least one. */
  readonly arrived: (leases: readonly Lease[]) => void;
  readonly reachability: Reachability;
  readonly freezes: FreezeDetector;
  /** Called when the program's settings do not let it lease from the queue. The loop has ended. */
  readonly refused: (error: Error) => void;
}

/** A lease call on an empty queue returns no later than this. */
export const WAIT_MS = 10_000;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

/**
 * Leases from one queue as many jobs as the dispatcher allows, until it allows none or `signal` aborts. After an error it waits,
 * up to 5 s, and goes on. It ends when the backend is closed, and when the first call on the queue is refused with
 * `CONFIG_INVALID`. A later refusal may pass, as after a password was changed.
 */
export async function runLeaseLoop(settings: LeaseLoopSettings): Promise<void> {
  const { seam, dispatcher, scheduler, queue, leaseMs, signal, reachability } = settings;
  const what = `lease ${queue}`;
  const gate = createPauseGate(settings);
  let backoffMs = FIRST_BACKOFF_MS;
  let isNew = true;
  while (!signal.aborted) {
    if (gate.isPaused()) {
      scheduler.requested(queue);
      await gate.whenOpen();
      scheduler.responded(queue);
      continue;
    }
    const limit = await dispatcher.nextLimit(queue);
    if (limit === 0) return;
    if (gate.isPaused()) continue;
    try {
      reachability.asked(what);
      scheduler.requested(queue);
      const calledAt = performance.now();
      const leases = await seam.lease({
        queue,
        limit,
        leaseMs,
        waitMs: WAIT_MS,
        ...settings.limits,
        ...gate.request(),
      });
      scheduler.responded(queue);
      isNew = false;
      backoffMs = FIRST_BACKOFF_MS;
      reachability.succeeded(what);
      const confirmed = await stillLeased(leases, calledAt, settings);
      if (confirmed.length > 0) settings.arrived(confirmed);
    } catch (thrown) {
      if (isWaybillError(thrown, "BACKEND_CLOSED")) return;
      reachability.failed(what, toError(thrown));
      if (isNew && isWaybillError(thrown, "CONFIG_INVALID")) return settings.refused(thrown);
      await pause(backoffMs * (0.5 + Math.random() / 2), signal);
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
    }
  }
}

/**
 * Those whose lease is still this worker's. A response that waited unread while the process was frozen may name leases that
 * have run out since: they are extended, and those that cannot be are left out.
 */
async function stillLeased(
  leases: readonly Lease[],
  calledAt: number,
  { seam, leaseMs, freezes }: LeaseLoopSettings,
): Promise<readonly Lease[]> {
  if (leases.length === 0) return leases;
  const ageMs = performance.now() - freezes.respondedSince(calledAt);
  if (ageMs < leaseMs / 3) return leases;
  const results = await seam.extend(leases, leaseMs);
  return leases.flatMap((lease, index) => {
    const result = results[index];
    return result?.ok ? [{ ...lease, expiresAt: result.value }] : [];
  });
}
