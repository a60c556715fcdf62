import type { Lease, Rejection } from "../backend/contract.ts";
import type { Seam } from "../backend/seam.ts";
import { isWaybillError } from "../errors.ts";
import type { Outcome } from "../job/outcome.ts";
import { rejectedEvent } from "../observability/backend-reports.ts";
import type { EventBus } from "../observability/events.ts";
import { describeOutcome, outcomeCountOf } from "../observability/outcome-event.ts";
import type { Reachability } from "../observability/reachability.ts";
import { pause } from "../time/pause.ts";
import { toError } from "../values/thrown.ts";
import type { InFlightJob } from "./in-flight-job.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";
import type { PrefetchPolicy } from "./prefetch-policy.ts";
import { settle } from "./settle-lease.ts";

/** How many jobs a worker has settled since it started, by how they ended. */
export interface SettleCounts {
  completed: number;
  retried: number;
  released: number;
  dead: number;
  discarded: number;
  rejected: number;
  lost: number;
}

export interface Settler {
  readonly counts: Readonly<SettleCounts>;
  /**
   * Stores the outcome of a settling job, counts and reports it, and removes the job from the in-flight state. While the backend
   * is unavailable it tries again until the lease runs out; then, or when the lease is lost, it reports the lease as lost. Calls
   * `stored`, which must not reject, once the outcome is stored. Never rejects.
   */
  store(job: InFlightJob, outcome: Outcome, stored?: () => Promise<void>): Promise<void>;
  /** Counts and reports something that the backend found in its inbox and refused. */
  rejected(rejection: Rejection): void;
}

export interface SettlerSettings {
  readonly seam: Pick<Seam, "ack" | "retry" | "deadLetter">;
  readonly inFlight: Pick<InFlightJobs, "remove">;
  readonly prefetch: Pick<PrefetchPolicy, "expire">;
  readonly events: EventBus;
  readonly reachability: Reachability;
  readonly worker: string;
  /** Called once a job has ended and its end is stored. */
  readonly ended: (id: string) => void;
  /** Called once a job is back in its queue: it was released, or waits for its next attempt. */
  readonly returned: (lease: Lease, outcome: Outcome) => void;
}

export function createSettler(settings: SettlerSettings): Settler {
  const { seam, inFlight, prefetch, events, reachability, worker } = settings;
  /** Jobs whose outcome could not be stored at the first try. */
  const retrying = new Set<InFlightJob>();
  const counts: SettleCounts = { completed: 0, retried: 0, released: 0, dead: 0, discarded: 0, rejected: 0, lost: 0 };

  function rejected(rejection: Rejection): void {
    counts.rejected += 1;
    events.emit("rejected", rejectedEvent(rejection, worker));
  }

  function settled(job: InFlightJob, outcome: Outcome): void {
    if (outcome.kind === "completed" || outcome.kind === "dead") settings.ended(job.id);
    else settings.returned(job.lease, outcome);
    if (outcome.kind === "dead" && outcome.rejected) {
      const { id, queue } = job.lease;
      return rejected({ id, queue, reason: outcome.reason });
    }
    counts[outcomeCountOf(outcome)] += 1;
    if (events.has("settled")) {
      const { id, type, queue, attempt, lost, releases } = job.lease;
      const started = { id, type, queue, attempt, lost, releases, worker };
      events.emit("settled", describeOutcome(started, outcome, job.ranMs));
    }
  }

  function reportLost(job: InFlightJob): void {
    counts.lost += 1;
    const { id, type, queue, attempt } = job.lease;
    events.emit("lease_lost", { id, type, queue, attempt, worker, during: job.isLost ? "run" : "settle" });
  }

  return {
    counts,
    rejected,
    async store(job, outcome, stored) {
      for (let waitMs = 50; !job.isLost; waitMs = Math.min(waitMs * 2, 2_000)) {
        try {
          await settle(seam, job.lease, outcome);
          retrying.delete(job);
          reachability.succeeded("settle");
          await stored?.();
          settled(job, outcome);
          inFlight.remove(job);
          return;
        } catch (thrown) {
          if (!isTransient(thrown)) break;
          retrying.add(job);
          reachability.failed("settle", toError(thrown));
          prefetch.expire();
          if (job.hasExpired) break;
          await pause(waitMs);
        }
      }
      if (retrying.delete(job) && retrying.size === 0) reachability.abandoned("settle");
      reportLost(job);
      inFlight.remove(job);
    },
  };
}

/** Whether another try may succeed while the lease lasts. */
function isTransient(thrown: unknown): boolean {
  return isWaybillError(thrown, "BACKEND_UNAVAILABLE") || isWaybillError(thrown, "BACKEND_FULL");
}
