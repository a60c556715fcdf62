import type { Lease } from "../backend/contract.ts";
import type { Seam } from "../backend/seam.ts";
import { WaybillError } from "../errors.ts";
import type { InFlightJob } from "./in-flight-job.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";

/** Extends the leases of all in-flight jobs, and notices those that are lost. */
export interface LeaseRenewal {
  /** Call when leases have arrived. Its timer does not run while no job is in flight. */
  wake(): void;
  stop(): void;
}

export interface LeaseRenewalSettings {
  readonly seam: Pick<Seam, "extend">;
  readonly inFlight: InFlightJobs;
  readonly leaseMs: number;
  /** Releases a leased job that has not started. */
  readonly release: (job: InFlightJob) => void;
  /** Releases the leased jobs that have waited too long for a slot. Called as often as leases are looked at. */
  readonly releaseOverdue: () => void;
}

/**
 * Extends a lease once a third of it is spent, whether its job is leased, running or settling; all that are due in one call.
 * A lease that is lost aborts its handler with `LEASE_LOST`.
 */
export function createLeaseRenewal(settings: LeaseRenewalSettings): LeaseRenewal {
  const { seam, inFlight, leaseMs } = settings;
  const tickMs = Math.max(5, Math.min(250, leaseMs / 6));
  let timer: NodeJS.Timeout | null = null;
  let isExtending = false;

  function tick(): void {
    timer = null;
    // After a freeze this runs first: a lease that has run out meanwhile may be another worker's by now.
    for (const job of inFlight) if (job.hasExpired) lose(job);
    settings.releaseOverdue();
    if (!isExtending) void extendDue();
    wake();
  }

  async function extendDue(): Promise<void> {
    const due = [...inFlight].filter((job) => !job.isLost && job.needsRenewal(leaseMs));
    if (due.length === 0) return;
    isExtending = true;
    const results = await seam.extend(
      due.map((job): Lease => job.lease),
      leaseMs,
    );
    isExtending = false;
    for (const [index, job] of due.entries()) {
      const result = results[index];
      if (result?.ok) job.renew(result.value);
      else if (result?.error.code === "LEASE_LOST" || job.hasExpired) lose(job);
    }
  }

  function lose(job: InFlightJob): void {
    // The backend judges a settle that is under way; its result counts.
    if (job.isLost || job.state === "settling" || job.state === "settled") return;
    job.isLost = true;
    job.handle.cancel(leaseLost(job.lease), 0);
    if (job.state === "leased") settings.release(job);
  }

  function wake(): void {
    if (timer === null && inFlight.size > 0) timer = setTimeout(tick, tickMs);
  }

  return {
    wake,
    stop() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}

function leaseLost(lease: Lease): WaybillError {
  return new WaybillError(
    "LEASE_LOST",
    `the lease on job "${lease.id}" ran out before it was settled; another worker may have the job`,
  );
}
