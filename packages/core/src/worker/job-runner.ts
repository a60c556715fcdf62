import type { Delivery } from "../job/delivery.ts";
import type { Once } from "../job/once-options.ts";
import type { Lease } from "../backend/contract.ts";
import { endedByCancel, type Outcome } from "../job/outcome.ts";
import { execute } from "../execution/execute.ts";
import type { ScheduledRuns } from "../features/schedules/scheduled-runs.ts";
import type { HandlerRegistry } from "../execution/handler-registry.ts";
import { WaybillError } from "../errors.ts";
import type { FlowRun } from "../job/flow-types.ts";
import type { IdCalls, IdMemory } from "../features/once/id-memory.ts";
import type { RunTracker } from "../execution/run-tracker.ts";
import type { LimitGate } from "../features/limits/limit-gate.ts";
import type { Recording } from "../job/recording.ts";
import type { Seam } from "../backend/seam.ts";
import type { InFlightJob } from "./in-flight-job.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";
import type { PrefetchPolicy } from "./prefetch-policy.ts";
import type { JobEnds } from "./job-ends.ts";
import type { Settler } from "./settler.ts";

/** Takes one leased job to its outcome, and the outcome to the settler. */
export interface JobRunner {
  /** Runs a leased job. */
  run(job: InFlightJob): void;
  /** Releases a leased job without running it. Spends no attempt. */
  release(job: InFlightJob, outcome: Outcome): void;
}

export interface JobRunnerSettings {
  readonly inFlight: InFlightJobs;
  /** Its runs: each from its start until its handler has ended. */
  readonly runs: RunTracker<InFlightJob>;
  readonly prefetch: PrefetchPolicy;
  readonly registry: HandlerRegistry;
  readonly settler: Settler;
  /** Null: no job has a limit that the ledger keeps. */
  readonly gate: LimitGate | null;
  /** The worker's id. */
  readonly worker: string;
  readonly seam: Pick<Seam, "backend" | "completeIn" | "ledger">;
  readonly once: Once;
  /** Null: finished ids are not remembered. */
  readonly ids: IdMemory | null;
  /** Called with the error of a call of the memory of ids; with null after one that succeeded. */
  readonly idsReached: IdCalls["reached"];
  /** Whether the job was cancelled; a promise where that is looked up. */
  readonly isCancelled: (lease: Lease) => boolean | Promise<boolean>;
  readonly ends: JobEnds;
  /** Null where there are no schedules. */
  readonly scheduled: ScheduledRuns | null;
  /** Returns what records the run of a lease. Null: nothing is recorded. */
  readonly recording: ((lease: Lease, worker: string) => Recording) | null;
}

export function createJobRunner(settings: JobRunnerSettings): JobRunner {
  const {
    inFlight,
    runs,
    prefetch,
    registry,
    settler,
    gate,
    worker,
    seam,
    once,
    ids,
    idsReached,
    scheduled,
    ends,
    isCancelled,
    recording,
  } = settings;

  return {
    run(job) {
      const startedAt = performance.now();
      inFlight.start(job);
      runs.started(job);
      // Never rejects: an error around the handler is a failed attempt.
      const end = ends.of(job.lease);
      const delivered = (): Delivery => deliveryOf(job, worker, seam, once, recording?.(job.lease, worker));
      const executed =
        end === null
          ? (): Promise<Outcome> => execute(delivered(), registry)
          : (): Promise<Outcome> => end.execute(job, (flow) => execute(withEnd(delivered(), flow), registry));
      const lost = (error: WaybillError): void => job.handle.cancel(error, 0);
      const run =
        ids === null
          ? executed
          : (): Promise<Outcome> => ids.execute(job.lease, executed, { lost, reached: idsReached });
      const scheduledRun = scheduled?.of(job.lease) ?? null;
      const begin = (): Promise<Outcome> => (scheduledRun === null ? run() : scheduledRun.execute(run));
      const asked = isCancelled(job.lease);
      const cancelled = (): Outcome | Promise<Outcome> => end?.end(job, endedByCancel) ?? endedByCancel;
      const running = asked === false ? begin() : Promise.resolve(asked).then((is) => (is ? cancelled() : begin()));
      void running.then((outcome) => {
        job.ranMs = performance.now() - startedAt;
        // A release of a job that never ran, such as one of an unknown type, says nothing of how long jobs take.
        if (job.handle.hasRun || outcome.kind !== "release") prefetch.jobEnded(job.ranMs);
        runs.decided(job);
        inFlight.settle(job);
        const ended = scheduledRun === null ? null : scheduledRun.ended(job, outcome);
        const store = (): Promise<void> => settler.store(job, outcome, end?.settled);
        const stored = ended === null ? store() : ended.then(store);
        return gate === null ? stored : stored.then(() => gate.leave(job.lease));
      });
    },
    release(job, outcome) {
      inFlight.settle(job);
      const end = outcome.kind === "dead" ? ends.of(job.lease) : null;
      if (end === null) void settler.store(job, outcome);
      else void end.end(job, outcome).then((stored) => settler.store(job, stored, end.settled));
    },
  };
}

/** The end of such a job is stored before it is settled, which a transaction of the handler would do first. */
function withEnd(delivery: Delivery, flow: FlowRun | undefined): Delivery {
  const completeIn = async (): Promise<void> => {
    const message =
      "completeIn cannot complete a member of a flow, or a job that keeps a result: let the handler return";
    throw new WaybillError("CAPABILITY_MISSING", message);
  };
  return { ...delivery, completeIn, ...(flow && { flow }) };
}

function deliveryOf(
  { lease, handle }: InFlightJob,
  worker: string,
  { backend, completeIn, ledger }: Pick<Seam, "backend" | "completeIn" | "ledger">,
  once: Once,
  recording: Recording | undefined,
): Delivery {
  const { body, attempt, lost, releases, dueAt, signature, damage } = lease;
  return {
    body,
    attempt,
    lost,
    releases,
    dueAt,
    isDue: backend.capabilities.leasesWhenDue === true,
    signature,
    ...(damage && { damage }),
    label: lease,
    from: backend,
    worker,
    handle,
    completeIn: (transaction) => completeIn(transaction, lease),
    readsFlows: ledger !== null,
    once,
    recording,
  };
}
