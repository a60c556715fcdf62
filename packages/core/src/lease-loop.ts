import type { Lease } from "./backend.ts";
import { isWaybillError } from "./errors.ts";
import type { Reachability } from "./reachability.ts";
import type { Seam } from "./seam.ts";
import type { Slots } from "./slots.ts";
import { toError } from "./thrown.ts";

export interface LeaseLoopSettings {
  readonly seam: Seam;
  readonly slots: Slots;
  readonly queue: string;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
  readonly arrived: (leases: readonly Lease[]) => void;
  readonly reachability: Reachability;
}

/** The backend answers no later, with none. */
export const WAIT_MS = 10_000;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

/** Leases from one queue while there is room, until `signal`. Never ends on an error: it backs off and goes on. */
export async function runLeaseLoop(settings: LeaseLoopSettings): Promise<void> {
  const { seam, slots, queue, leaseMs, signal, reachability } = settings;
  const what = `lease ${queue}`;
  let backoffMs = FIRST_BACKOFF_MS;
  while (!signal.aborted) {
    const limit = slots.wanted(queue);
    if (limit === 0) {
      await slots.whenRoom(queue);
      continue;
    }
    try {
      reachability.asked(what);
      slots.asked(queue);
      const leases = await seam.backend.lease({ queue, limit, leaseMs, waitMs: WAIT_MS, signal });
      slots.answered(queue);
      backoffMs = FIRST_BACKOFF_MS;
      reachability.succeeded(what);
      if (leases.length > 0) settings.arrived(leases);
    } catch (thrown) {
      if (isWaybillError(thrown, "BACKEND_CLOSED")) return;
      reachability.failed(what, toError(thrown));
      await pause(backoffMs * (0.5 + Math.random() / 2), signal);
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
    }
  }
}

/** Resolves after `ms`, or at once on abort. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
    return undefined;
  });
}
