import type { Lease } from "./backend.ts";
import { isWaybillError } from "./errors.ts";
import type { Reachability } from "./reachability.ts";
import type { Seam } from "./seam.ts";
import type { Slots } from "./slots.ts";
import type { Standstill } from "./standstill.ts";
import { toError } from "./thrown.ts";

export interface LeaseLoopSettings {
  readonly seam: Seam;
  readonly slots: Slots;
  readonly queue: string;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
  readonly arrived: (leases: readonly Lease[]) => void;
  readonly reachability: Reachability;
  readonly standstill: Standstill;
  /** The queue cannot be leased from as the program is set up. Its loop has ended. */
  readonly refused: (error: Error) => void;
}

/** The backend answers no later, with none. */
export const WAIT_MS = 10_000;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

/**
 * Leases from one queue while there is room, until `signal`. Backs off on an error and goes on, but for one: a queue that
 * is refused before it was ever leased from. Later the same refusal may pass, as a password that is changed does.
 */
export async function runLeaseLoop(settings: LeaseLoopSettings): Promise<void> {
  const { seam, slots, queue, leaseMs, signal, reachability, standstill } = settings;
  const what = `lease ${queue}`;
  let backoffMs = FIRST_BACKOFF_MS;
  let isNew = true;
  while (!signal.aborted) {
    const limit = slots.wanted(queue);
    if (limit === 0) {
      await slots.whenRoom(queue);
      continue;
    }
    try {
      reachability.asked(what);
      slots.asked(queue);
      const askedAt = performance.now();
      const leases = await seam.backend.lease({ queue, limit, leaseMs, waitMs: WAIT_MS, signal });
      slots.answered(queue);
      isNew = false;
      backoffMs = FIRST_BACKOFF_MS;
      reachability.succeeded(what);
      const oldMs = performance.now() - standstill.answeredSince(askedAt);
      const sure = oldMs < leaseMs / 3 ? leases : await confirmed(leases, settings);
      if (sure.length > 0) settings.arrived(sure);
    } catch (thrown) {
      if (isWaybillError(thrown, "BACKEND_CLOSED")) return;
      reachability.failed(what, toError(thrown));
      if (isNew && isWaybillError(thrown, "CONFIG_INVALID")) return settings.refused(thrown);
      await pause(backoffMs * (0.5 + Math.random() / 2), signal);
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
    }
  }
}

/** Those that are still ours. An answer that waited unread may tell of leases that have run out since. */
async function confirmed(
  leases: readonly Lease[],
  { seam, leaseMs }: Pick<LeaseLoopSettings, "seam" | "leaseMs">,
): Promise<Lease[]> {
  if (leases.length === 0) return [];
  const answers = await seam.extend(leases, leaseMs);
  return leases.flatMap((lease, index) => {
    const answer = answers[index];
    return answer?.ok ? [{ ...lease, expiresAt: answer.value }] : [];
  });
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
