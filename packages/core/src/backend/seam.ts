import { withTimeout } from "../time/time-limit.ts";
import { toError } from "../values/thrown.ts";
import { asUnavailable } from "./as-unavailable.ts";
import { plain } from "./backend-errors.ts";
import type { Result, Backend, DeadReason, Lease, LeaseRequest, RetryRequest } from "./contract.ts";
import { type Doctor, doctorOf } from "./doctor.ts";
import { Gather } from "./gather.ts";
import { type Inspector, inspectorOf } from "./inspector.ts";
import { type JobControl, jobControlOf } from "./job-control.ts";
import { keptAlive } from "./keep-alive.ts";
import { judgedQuery } from "./match-dead-letters.ts";
import { createProducerSeam, type ProducerSeam, type SeamSettings, type Settled } from "./producer-seam.ts";
import { assertLedgerChanges, assertLedgerKeys } from "./shared/ledger-checks.ts";
import { isTransactional, type LedgerInTransaction, ledgerInOf, transactionalOf } from "./transactional.ts";
import { type RecordStore, recordStoreOf } from "./record-store.ts";
import { type WorkerRegistry, workerRegistryOf } from "./worker-registry.ts";

/**
 * The only object through which core talks to a backend. The backend is private to it: limits, batching, time limits, tracing
 * and the shape of errors are the same for every call of every backend.
 */
export interface Seam extends ProducerSeam {
  /** Whether the backend takes part in transactions of the program's own. */
  readonly hasTransactions: boolean;
  /** Null where the backend keeps none. Each call rejects within `timeoutMs`. */
  readonly workerRegistry: WorkerRegistry | null;
  /** Null where the backend cannot be inspected. Each call rejects with a `WaybillError`. */
  readonly inspector: Inspector | null;
  /** Null where the backend cannot look into its queues. Each call rejects with a `WaybillError`. */
  readonly jobControl: JobControl | null;
  /** The backend's own, or that of the backend whose ledger it borrows; null where there is neither. Only a write has a time limit. */
  readonly records: RecordStore | null;
  /** Null where the backend reports nothing about its own health. */
  readonly doctor: Doctor | null;
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Removes the job, in a call shared with other acks. */
  ack(lease: Lease): Promise<null>;
  /** Makes the job deliverable after `delayMs`, or after the longest delay that the backend has if that is shorter. */
  retry(lease: Lease, request: RetryRequest): Promise<void>;
  /** Keeps the job as a dead letter. */
  deadLetter(lease: Lease, reason: DeadReason): Promise<void>;
  /** Acks within the caller's transaction. Rejects `CAPABILITY_MISSING` where the backend has none. */
  completeIn(transaction: unknown, lease: Lease): Promise<void>;
  /** Returns the ledger within the caller's transaction. Throws `CAPABILITY_MISSING` where the backend has none. */
  ledgerIn(transaction: unknown): LedgerInTransaction;
  /** Extends in lists of at most `maxBatch`. Never rejects: a failed call is the result of each of its leases. */
  extend(leases: readonly Lease[], leaseMs: number): Promise<Result<number | null>[]>;
}

export function createSeam(backend: Backend, settings: SeamSettings): Seam {
  const { timeoutMs, tracing } = settings;
  const { maxBatch, maxBatchBytes, maxInFlight, maxRetryDelayMs } = backend.capabilities;
  const prompt = <T>(work: Promise<T>): Promise<T> => plain(withTimeout(work, timeoutMs));
  const producing = createProducerSeam(backend, settings);
  const acks = new Gather<Lease, null>(
    (leases) => plain(backend.ack(leases)),
    { maxBatch, maxBytes: maxBatchBytes, maxInFlight, timeoutMs },
    () => 0,
  );

  async function timed<T>(operation: Settled["operation"], { queue }: Lease, work: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    let error: Error | null = null;
    try {
      return await work;
    } catch (thrown) {
      error = toError(thrown);
      throw thrown;
    } finally {
      tracing?.settled({ queue, operation, durationMs: performance.now() - startedAt, error });
    }
  }
  const settle: typeof timed = tracing === null ? (_operation, _lease, work) => work : timed;

  return {
    ...producing,
    hasTransactions: isTransactional(backend),
    inspector: withPlainErrors(inspectorOf(backend)),
    jobControl: withPlainJobControl(jobControlOf(backend)),
    records: withPlainRecords(settings.ledger?.records ?? recordStoreOf(backend), prompt),
    doctor: doctorOf(backend),
    workerRegistry: withTimeLimit(workerRegistryOf(backend), prompt),
    lease: (request) => plain(backend.lease(request)),
    ack: (lease) => settle("ack", lease, acks.add(lease)),
    retry(lease, { delayMs, countsAttempt }) {
      const request = { delayMs: Math.min(delayMs, maxRetryDelayMs), countsAttempt };
      return settle(countsAttempt ? "retry" : "release", lease, prompt(backend.retry(lease, request)));
    },
    deadLetter: (lease, reason) => settle("dead_letter", lease, prompt(backend.deadLetter(lease, reason))),
    async completeIn(transaction, lease) {
      await plain(transactionalOf(backend).completeIn(transaction, lease));
    },
    ledgerIn(transaction) {
      const ledger = ledgerInOf(backend, transaction);
      return {
        async read(keys) {
          assertLedgerKeys(keys);
          return plain(ledger.read(keys));
        },
        async commit(changes) {
          assertLedgerChanges(changes);
          return plain(ledger.commit(changes));
        },
      };
    },
    async extend(leases, leaseMs) {
      const results: Result<number | null>[] = [];
      for (let from = 0; from < leases.length; from += maxBatch) {
        const slice = leases.slice(from, from + maxBatch);
        const some = await prompt(backend.extend(slice, leaseMs)).catch((error: unknown) => failed(slice, error));
        results.push(...some);
      }
      return results;
    },
    async whenIdle() {
      await Promise.all([producing.whenIdle(), acks.whenIdle()]);
    },
  };
}

function failed(leases: readonly Lease[], thrown: unknown): Result<never>[] {
  const error = asUnavailable(thrown);
  return leases.map(() => ({ ok: false, error }));
}

/** Without a time limit: an inspection may take as long as the store is large. */
function withPlainErrors(inspector: Inspector | null): Inspector | null {
  if (inspector === null) return null;
  const look = <T>(work: Promise<T>): Promise<T> => keptAlive(plain(work));
  return {
    counts: (named) => look(inspector.counts(named)),
    deadLetters: async (query) => look(inspector.deadLetters(judgedQuery(query))),
    replay: async (query) => look(inspector.replay(judgedQuery(query))),
    drop: async (query) => look(inspector.drop(judgedQuery(query))),
  };
}

/** Without a time limit, as an inspection. */
function withPlainJobControl(control: JobControl | null): JobControl | null {
  if (control === null) return null;
  return {
    list: (query) => keptAlive(plain(control.list(query))),
    cancel: (ids) => keptAlive(plain(control.cancel(ids))),
    reschedule: (ids, delayMs) => keptAlive(plain(control.reschedule(ids, delayMs))),
    ...(control.trace && { trace: (id) => keptAlive(plain(control.trace?.(id) ?? Promise.resolve(null))) }),
  };
}

/** A search may take as long as the store is large. */
function withPlainRecords(
  records: RecordStore | null,
  prompt: <T>(work: Promise<T>) => Promise<T>,
): RecordStore | null {
  if (records === null) return null;
  return {
    write: (changes) => prompt(records.write(changes)),
    get: (id) => keptAlive(plain(records.get(id))),
    find: (range) => keptAlive(plain(records.find(range))),
    prune: (pruning) => plain(records.prune(pruning)),
    indexTexts: () => plain(records.indexTexts?.() ?? Promise.resolve()),
  };
}

function withTimeLimit(
  workerRegistry: WorkerRegistry | null,
  prompt: <T>(work: Promise<T>) => Promise<T>,
): WorkerRegistry | null {
  if (workerRegistry === null) return null;
  return {
    announce: (id, facts, ttlMs) => prompt(workerRegistry.announce(id, facts, ttlMs)),
    withdraw: (id) => prompt(workerRegistry.withdraw(id)),
    list: () => prompt(workerRegistry.list()),
  };
}
