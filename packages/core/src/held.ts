import type { Lease } from "./backend.ts";
import { Execution } from "./execution.ts";

/** A lease in this worker's hands, from its arrival to the end of its settle. */
export class Held {
  readonly lease: Lease;
  readonly execution: Execution = new Execution();
  /** On the monotonic clock, so that a wall clock set back neither ends nor prolongs it. */
  readonly arrivedAt: number = performance.now();
  /** When the lease runs out unless extended, on the monotonic clock; Infinity for a connection lease. */
  deadline: number;
  /** When the backend last said that the lease is ours, on the monotonic clock. */
  heardAt = 0;
  /** How long its execution took; 0 when there was none. */
  ranMs = 0;
  state: "waiting" | "running" | "settling" = "waiting";
  /** True once somebody else may have the job: its outcome is not stored any more. */
  gone = false;

  constructor(lease: Lease) {
    this.lease = lease;
    this.deadline = Infinity;
    this.keepUntil(lease.expiresAt);
  }

  /** `expiresAt` as a backend answers it: Unix milliseconds, or null for as long as the connection. */
  keepUntil(expiresAt: number | null): void {
    this.heardAt = performance.now();
    this.deadline = expiresAt === null ? Infinity : performance.now() + (expiresAt - Date.now());
  }

  get ranOut(): boolean {
    return performance.now() >= this.deadline;
  }
}
