import { createAdmit } from "./admit.ts";
import type { Audit, AuditQuery } from "../features/audit/audit-api.ts";
import type { BackendFactory, Receipt } from "../backend/contract.ts";
import type { Producer } from "../producer/producer.ts";
import type { QueueWithoutWorker } from "../backend/queues-without-worker.ts";
import { createEnvelopeCalls } from "../producer/envelope-calls.ts";
import { openProducer } from "./open-producer.ts";
import { createQueueCalls } from "./queue-calls.ts";
import { CONNECT_OPTIONS, type ConnectOptions } from "./connect-options.ts";
import type { Control } from "../features/control/control-api.ts";
import { createControl } from "../features/control/control.ts";
import type { FlowApi } from "../features/flows/flow-api.ts";
import type { History, HistoryQuery } from "../features/history/history-api.ts";
import { createHistoryCalls } from "./history-calls.ts";
import type { LimitsInUse } from "../features/limits/limits-in-use-api.ts";
import { createKnownQueues } from "../features/queues/known-queues.ts";
import { createLocalChanges } from "../features/control/local-changes.ts";
import type { Doctor } from "../backend/doctor.ts";
import { createBackendReports } from "../observability/backend-reports.ts";
import type { Inspector } from "../backend/inspector.ts";
import { assertKnownOptions } from "../known-options.ts";
import { type LiveWorker, liveWorkers } from "../backend/live-worker.ts";
import type { Ledger } from "../backend/ledger.ts";
import type { Records, Watch } from "../features/records/records-api.ts";
import type { Recording } from "../features/records/recording.ts";
import { createRecordReaders } from "./record-calls.ts";
import type { ScheduleCalls } from "../features/schedules/schedule-calls.ts";
import { createResultCalls, type ResultCalls } from "../features/results/result-calls.ts";
import { createSeam, type Seam } from "../backend/seam.ts";
import { ledgerWorkerRegistry } from "../features/workers/ledger-registry.ts";
import type { Why } from "../features/why/why-api.ts";
import { timerMs } from "../time/duration.ts";
import { createWorker, type OwnedWorker, type Worker } from "../worker/worker.ts";
import type { WorkerOptions } from "../worker/worker-options.ts";
import { createFlows } from "../worker/worker-flows.ts";
import { createScheduling, type Scheduling } from "../worker/worker-scheduling.ts";

/** A connection to one backend. It enqueues jobs and makes workers. */
export interface Jobs extends Producer, Control, ResultCalls, FlowApi {
  /** Null where the backend cannot be inspected. */
  readonly inspector: Inspector | null;
  /** Null where the backend reports nothing about its own health. */
  readonly doctor: Doctor | null;
  /** Reads and changes the schedules of the backend. */
  readonly schedules: ScheduleCalls;
  /** Reads what happened to jobs, where a connection has `records`. */
  readonly records: Records;
  /**
   * Follows one job: returns its record as it is, then whenever it has changed, until the job has ended. Waits for a job that is not
   * recorded yet. Rejects as `records.get` does.
   */
  readonly watch: Watch;
  /**
   * Makes a worker on this connection. Throws `CONFIG_INVALID` for invalid options and `CAPABILITY_MISSING` for jobs that need
   * what the backend refuses.
   */
  worker(options: WorkerOptions): Worker;
  /**
   * Lists the running workers of every process, by id. A worker that died is listed until it has missed three heartbeats.
   * Rejects `CAPABILITY_MISSING` where the backend keeps no worker registry and borrows no ledger.
   */
  workers(): Promise<LiveWorker[]>;
  /**
   * Lists the queues that have ready jobs, or are declared (`queues`), and from which no live worker leases. Rejects
   * `CAPABILITY_MISSING` where the backend cannot count its jobs or list its workers.
   */
  queuesWithoutWorker(): Promise<QueueWithoutWorker[]>;
  /**
   * Returns what happened by minute, over the last hour or up to a day: throughput, failures, run times, and what waited. The workers
   * of every process keep it in the ledger from the first call on, until 8 days after the last. Without a ledger it is that of the
   * workers of this connection, since the first call. Rejects `CONFIG_INVALID` for a query that cannot work, or as the ledger does.
   */
  history(query?: HistoryQuery): Promise<History>;
  /** Lists the limits that jobs run or wait under: what is taken, by which jobs, and how many wait. Rejects as the backend and the ledger do. */
  limitsInUse(): Promise<LimitsInUse>;
  /**
   * Compares the jobs that were accepted with those that have ended, wait, run or are dead letters, by their records, and lists those
   * that are none of it. Rejects `CAPABILITY_MISSING` where no records are kept. It reads each record of the window:
   * 200,000 took 6 s on two busy cores.
   */
  audit(query?: AuditQuery): Promise<Audit>;
  /**
   * Says why a job does not run, where it is, or what became of it, and what to do: as text, and as data by `code`. Takes its id,
   * or its receipt, which also names the job that a duplicate collided with. Never rejects for an id that is not there. Where the
   * broker lets no one look into its queues (SQS, RabbitMQ) it says what can be known.
   */
  why(job: string | Receipt): Promise<Why>;
  /**
   * Stops the workers, each within its own limits, then closes the backend. Pending calls and the backend together take at most
   * `closeTimeout`. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Opens a connection by a URL or a factory from a backend package. Rejects `CONFIG_INVALID`, `CAPABILITY_MISSING` or
 * `BACKEND_UNAVAILABLE`, with what to do in the message. An undefined target, such as an environment variable that is not set,
 * rejects `CONFIG_INVALID`.
 */
export async function connect(
  target: string | BackendFactory | undefined,
  options: ConnectOptions = {},
): Promise<Jobs> {
  return (await openConnection(target, options, true)).jobs;
}

/** A connection, and what tests drive by hand. */
export interface Connection {
  readonly jobs: Jobs;
  readonly scheduling: Scheduling;
  /** Does what is due for flows. Returns whether anything was. */
  readonly sweepFlows: () => Promise<boolean>;
  /** Null where the backend has none. */
  readonly ledger: Ledger | null;
}

/** Opens a connection as `connect` does. `firesSchedules`: false where a test fires them. */
export async function openConnection(
  target: string | BackendFactory | undefined,
  options: ConnectOptions,
  firesSchedules: boolean,
): Promise<Connection> {
  assertKnownOptions(options, CONNECT_OPTIONS, "the options of connect");
  const reports = createBackendReports();
  const recording = options.records === undefined ? null : await recordingOf(options.records);
  const opened = await openProducer(target, options, {
    context(has, heard) {
      recording?.hear(heard);
      return { admit: createAdmit(has), report: reports.reportTo(heard) };
    },
    seam(backend, settings) {
      const opening = withWorkerRegistry(createSeam(backend, settings));
      return recording === null ? opening : recording.begin(opening);
    },
  });
  const { producer, seam, env, keys, isBorrowed, ids } = opened;
  const { events } = producer;
  const { role = "worker", version = null, telemetry = null } = options;
  const recorder = recording && recording.records();
  const records = createRecordReaders(seam, recorder);
  const controlChanges = createLocalChanges();
  const known = seam.ledger && createKnownQueues(seam.ledger);
  const history = createHistoryCalls(seam, events, () => queues.inspector);
  const queues = createQueueCalls({ seam, events, known, isBorrowed, declared: options.queues ?? [], history });
  const envelopes = createEnvelopeCalls(opened.calls, opened.sign, opened.maxBodyBytes);
  const scheduling = createScheduling({ seam, events, calls: envelopes, version, firesAlone: firesSchedules });
  const flows = createFlows(seam, events, envelopes);
  const looking = { seam, definitions: options.jobs ?? [], flush: async () => recorder?.buffer.flush() };
  const workers = new Set<OwnedWorker>();
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    await Promise.all([...workers].map((owned) => owned.finish()));
    const limitMs = timerMs(options.closeTimeout ?? "2s", "closeTimeout");
    await Promise.all([recorder?.buffer.end(limitMs), history.end(limitMs)]);
    await producer.close();
  }

  const jobs: Jobs = {
    ...producer,
    inspector: queues.inspector,
    doctor: seam.doctor,
    schedules: scheduling.calls,
    ...records,
    ...createControl({ seam, events, changed: controlChanges.changed, cancelMembers: flows.cancelMembers }),
    ...createResultCalls(seam, events),
    ...flows.calls,
    worker(workerOptions) {
      const connection = {
        seam,
        reports,
        events,
        role,
        env,
        version,
        keys,
        telemetry,
        scheduling,
        flows,
        sweepsFlows: firesSchedules,
        controlChanges,
        ids,
        recorder,
      };
      const host = { ...connection, close: () => jobs.close() };
      const owned = createWorker(host, workerOptions);
      workers.add(owned);
      void owned.stopped.then(() => workers.delete(owned));
      return owned.worker;
    },
    workers: () => liveWorkers(seam),
    queuesWithoutWorker: queues.queuesWithoutWorker,
    history: history.history,
    limitsInUse: async () => (await import("../features/limits/limits-in-use.ts")).limitsInUse(seam),
    audit: async (query = {}) => (await import("../features/audit/audit.ts")).audit(looking, query),
    why: async (job) => (await import("../features/why/why.ts")).why(looking, job),
    close: () => (closing ??= close()),
  };
  return { jobs, scheduling, sweepFlows: flows.sweep, ledger: seam.ledger };
}

/** Loads what records jobs. Rejects `CONFIG_INVALID` for options that cannot work. */
async function recordingOf(records: NonNullable<ConnectOptions["records"]>): Promise<Recording> {
  return (await import("../features/records/recording.ts")).createRecording(records);
}

/** A backend without a worker registry keeps it in its ledger, if it has or borrows one. */
function withWorkerRegistry(seam: Seam): Seam {
  if (seam.workerRegistry !== null || seam.ledger === null) return seam;
  return { ...seam, workerRegistry: ledgerWorkerRegistry(seam.ledger) };
}
