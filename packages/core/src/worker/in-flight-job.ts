import type { Lease } from "../backend/contract.ts";
import type { TrackedRun } from "../execution/run-tracker.ts";
import { RunHandle } from "../job/run-handle.ts";
import { wallMs } from "../time/clock.ts";

/**
 * Where a job of this worker is:
 *
 * - `"leased"`: waits for a slot.
 * - `"running"`: occupies a slot.
 * - `"settling"`: its outcome is being stored.
 * - `"settled"`: its outcome is stored, or was given up. The last state.
 */
export type InFlightState = "leased" | "running" | "settling" | "settled";

/** One job of this worker, from the arrival of its lease until it is settled. */
export class InFlightJob implements TrackedRun {
  readonly lease: Lease;
  readonly id: string;
  readonly handle: RunHandle = new RunHandle();
  /** Monotonic milliseconds. */
  readonly arrivedAt: number = performance.now();
  /** Changed by `InFlightJobs` alone. */
  state: InFlightState = "leased";
  /** True once another worker may have the job. Its outcome is not stored any more. */
  isLost = false;
  /** Milliseconds from start to outcome; 0 until then, and for a job that never ran. */
  ranMs = 0;
  #expiresAt = Infinity;
  #confirmedAt = 0;

  constructor(lease: Lease) {
    this.lease = lease;
    this.id = lease.id;
    this.renew(lease.expiresAt);
  }

  /** For how long this worker has had the job, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.arrivedAt;
  }

  /**
   * Records that the backend has just confirmed the lease. `expiresAt` is in Unix milliseconds, as the backend returns it;
   * null for a lease that lasts as long as the connection. Kept on the monotonic clock, so that setting the wall clock back
   * neither ends nor prolongs a lease.
   */
  renew(expiresAt: number | null): void {
    this.#confirmedAt = performance.now();
    this.#expiresAt = expiresAt === null ? Infinity : this.#confirmedAt + (expiresAt - wallMs());
  }

  /** Whether the lease has run out. Always false for a lease that lasts as long as the connection. */
  get hasExpired(): boolean {
    return performance.now() >= this.#expiresAt;
  }

  /**
   * Whether a third of `leaseMs` has passed since the backend last confirmed the lease. A lease that lasts as long as the
   * connection is confirmed as often, so that its loss is noticed as soon.
   */
  needsRenewal(leaseMs: number): boolean {
    const now = performance.now();
    if (this.#expiresAt === Infinity) return now - this.#confirmedAt > leaseMs / 3;
    return this.#expiresAt - now < (leaseMs * 2) / 3;
  }
}
