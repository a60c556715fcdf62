import { placeOf } from "../values/place.ts";
import type { Lease } from "../backend/contract.ts";
import type { LocalChanges } from "../features/control/local-changes.ts";
import { offersOf } from "../backend/requirements.ts";
import type { Seam } from "../backend/seam.ts";
import { createHandlerRegistry } from "../execution/handler-registry.ts";
import { RunTracker } from "../execution/run-tracker.ts";
import type { IdMemory } from "../features/once/id-memory.ts";
import { createOnce } from "../features/once/once.ts";
import type { Outcome } from "../job/outcome.ts";
import type { WorkerRecords } from "../features/records/connection-records.ts";
import type { BackendReports } from "../observability/backend-reports.ts";
import type { EventBus, ShutdownReport } from "../observability/events.ts";
import { createReachability, reachedBy } from "../observability/reachability.ts";
import type { Telemetry } from "../observability/telemetry.ts";
import type { KeyRing } from "../signing/key-ring.ts";
import { wallMs } from "../time/clock.ts";
import { ConcurrencyLimiter } from "./concurrency-limiter.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FairScheduler } from "./fair-scheduler.ts";
import { detectFreezes } from "./freeze-detector.ts";
import { createHeartbeat } from "./heartbeat.ts";
import type { InFlightJob } from "./in-flight-job.ts";
import { InFlightJobs } from "./in-flight-jobs.ts";
import { createJobEnds } from "./job-ends.ts";
import { createJobRunner } from "./job-runner.ts";
import { runLeaseLoop } from "./lease-loop.ts";
import { createLeaseRenewal } from "./lease-renewal.ts";
import { PoisonIsolation } from "./poison-isolation.ts";
import { PrefetchPolicy } from "./prefetch-policy.ts";
import { createSettler } from "./settler.ts";
import { workerLimits } from "./worker-limits.ts";
import { shutDown } from "./shutdown.ts";
import { healthOf, type Phase, type WorkerHealth } from "./worker-health.ts";
import { applyControl, createWorkerControl } from "./worker-control.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { type Flows, sweepOften } from "./worker-flows.ts";
import { createWorkerReport } from "./worker-report.ts";
import type { Scheduling } from "./worker-scheduling.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** What a worker needs of its connection. */
export interface WorkerHost {
  readonly seam: Seam;
  readonly reports: BackendReports;
  readonly events: EventBus;
  readonly role: string;
  readonly env: string;
  /** The connection's own keys, used to verify unless the worker has its own; null when the connection has none. */
  readonly keys: KeyRing | null;
  /** Null without tracing and metrics. */
  readonly telemetry: Telemetry | null;
  /** Pauses and cancels that this process has recorded itself. */
  readonly controlChanges: LocalChanges;
  /** Null: finished ids are not remembered. */
  readonly ids: IdMemory | null;
  /** Version of the program; null when `connect` was given none. */
  readonly version: string | null;
  readonly scheduling: Scheduling;
  /** Null: nothing is recorded. */
  readonly recorder: WorkerRecords | null;
  readonly flows: Pick<Flows, "host" | "sweep">;
  /** False: a test sweeps flows. */
  readonly sweepsFlows: boolean;
  readonly close: () => Promise<void>;
}

export interface WorkerEngineSettings {
  readonly host: WorkerHost;
  readonly options: WorkerOptions;
  readonly settings: WorkerSettings;
  /** The worker's id. */
  readonly id: string;
  /** Called when the program's settings do not let the worker lease from a queue. */
  readonly refused: (error: Error) => void;
}

/** The parts of one worker, connected to each other. */
export interface WorkerEngine {
  /** Declares the schedules; null where there are none. Rejects for one that cannot work. */
  declare(): Promise<void> | null;
  /** Leases and runs jobs from now on. Called once. */
  begin(): void;
  /** Shuts down. Resolves within the limits of `settings`. `forced`: resolves when running jobs are to be aborted at once. */
  end(forced: Promise<void>): Promise<void>;
  counts(): Omit<ShutdownReport, "worker" | "reason" | "durationMs">;
  health(phase: Phase): WorkerHealth;
}

/** Throws `CONFIG_INVALID` or `CAPABILITY_MISSING` for jobs that cannot run on the backend. */
export function createWorkerEngine({ host, options, settings, id, refused }: WorkerEngineSettings): WorkerEngine {
  const { seam, events, role, env, version } = host;
  const { concurrency, leaseMs, heartbeatMs, middleware, maxLost } = settings;
  const queues = [...settings.queues.keys()];
  const { signatures, keys = host.keys ?? undefined } = options;
  const { address, capabilities } = seam.backend;

  const inFlight = new InFlightJobs(settings.typeConcurrency.keys());
  const runs = new RunTracker<InFlightJob>();
  const limiter = new ConcurrencyLimiter(settings, inFlight);
  const scheduler = new FairScheduler(settings.queues);
  const prefetch = new PrefetchPolicy(settings);
  const isolation = new PoisonIsolation(maxLost);

  const reachability = createReachability(events, id);
  const rules = { capabilities, maxLost, queues, signatures, keys };
  const { numbers } = settings;
  const limits = workerLimits({ numbers, seam, leaseMs, reachability });
  const { gate } = limits;
  const registry = createHandlerRegistry(options.jobs, {
    middleware,
    events,
    telemetry: host.telemetry,
    gate,
    ...rules,
  });
  const control = createWorkerControl({
    ledger: seam.ledger,
    jobControl: seam.jobControl,
    events,
    worker: id,
    queues,
    heartbeatMs,
  });
  const details = createWorkerReport({ settings, jobs: options.jobs, inFlight });
  function ended(job: string): void {
    control?.ended(job);
    details.ended(job);
  }
  const { returned } = details;
  const settler = createSettler({ seam, inFlight, prefetch, events, reachability, worker: id, ended, returned });
  const { scheduling } = host;
  const { schedules: declared = [] } = options;
  const schedules = scheduling.forWorker(id, declared, heartbeatMs);
  const scheduled = scheduling.runs;
  const once = createOnce({ ledger: seam.ledger, ledgerIn: (transaction) => seam.ledgerIn(transaction), address });
  const { recorder, ids } = host;
  const ends = createJobEnds({
    ledger: seam.ledger,
    address,
    jobs: options.jobs,
    flows: host.flows.host,
    reached: reachedBy(reachability, "results and flows"),
  });
  const running = { ends, inFlight, runs, prefetch, registry, settler, gate, seam, once, scheduled, ids };
  const runner = createJobRunner({
    ...running,
    idsReached: reachedBy(reachability, "finished ids"),
    worker: id,
    isCancelled: (lease) => control?.isCancelled(lease) ?? false,
    recording: recorder && recorder.recording,
  });
  const refusal = (lease: Lease): Outcome | null => control?.refusal(lease) ?? null;
  const dispatcher = new Dispatcher({ inFlight, runs, limiter, scheduler, prefetch, isolation, runner, refusal });
  if (control !== null) applyControl(control, inFlight, runner, settings);
  const renewal = createLeaseRenewal({
    seam,
    inFlight,
    leaseMs,
    release: (job) => dispatcher.releaseLeased(job),
    releaseOverdue: () => dispatcher.releaseOverdue(),
  });
  const facts = { ...placeOf(process.env), pid: process.pid, version, queues, concurrency, heartbeatMs };
  let startedAt = 0;
  const heartbeat =
    seam.workerRegistry &&
    createHeartbeat({
      workerRegistry: seam.workerRegistry,
      worker: id,
      heartbeatMs,
      facts: () => ({ ...facts, ...details.facts(), startedAt, running: inFlight.running }),
      failed: ({ message }) => events.emit("unlisted", { worker: id, message }),
    });
  const stopSignal = new AbortController();
  let loops: Promise<unknown> = Promise.resolve();
  let endWatching = (): void => {};
  let endSweeping = async (): Promise<void> => {};
  /** Null until the shutdown begins. A lease that is lost from then on leaves its job unfinished. */
  let lostBefore: number | null = null;

  function arrived(leases: readonly Lease[]): void {
    dispatcher.add(leases);
    renewal.wake();
  }

  return {
    declare: () => (declared.length === 0 || schedules === null ? null : schedules.declare()),
    begin() {
      const offers = offersOf(capabilities, seam.hasTransactions);
      events.emit("booted", { role, env, backend: address, queues, offers, worker: id, concurrency, pid: process.pid });
      startedAt = wallMs();
      recorder?.workerBegan(id);
      const freezes = detectFreezes();
      const unsubscribe = host.reports.add({ queues, reachability, rejected: settler.rejected });
      const unhear = host.controlChanges.onChange(() => control?.wake());
      endWatching = () => {
        freezes.end();
        unsubscribe();
        unhear();
        control?.end();
      };
      heartbeat?.begin();
      schedules?.begin();
      if (host.flows.host !== null && host.sweepsFlows) endSweeping = sweepOften(host.flows.sweep);
      const { signal } = stopSignal;
      const excludesTypes = capabilities.excludesTypes === true;
      const loop = { seam, dispatcher, scheduler, leaseMs, signal, arrived, reachability, freezes, refused };
      const lease = (): Promise<unknown> =>
        Promise.all(
          queues.map((queue) =>
            runLeaseLoop({ ...loop, queue, limits: limits.request(queue), control, excludesTypes }),
          ),
        );
      // What is paused must be known before the first lease.
      loops = control === null ? lease() : control.begin().then(lease);
    },
    async end(forced) {
      lostBefore = settler.counts.lost;
      const unscheduled = schedules?.end();
      await shutDown({
        inFlight,
        runs,
        settings,
        forced,
        stopLeasing() {
          stopSignal.abort();
          return loops;
        },
        releaseLeased: () => dispatcher.release(),
        deregister: async () => void (await Promise.all([heartbeat?.end(), unscheduled, endSweeping()])),
      });
      renewal.stop();
      endWatching();
      await recorder?.workerEnded(id, settings.closeMs);
    },
    counts() {
      const { lost: allLost } = settler.counts;
      const lost = lostBefore ?? allLost;
      return { ...settler.counts, lost, unfinished: inFlight.size + allLost - lost };
    },
    health: (phase) => healthOf(phase, reachability, { running: inFlight.running, concurrency }),
  };
}
