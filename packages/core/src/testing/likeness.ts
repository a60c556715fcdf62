import type { Capabilities } from "../backend/capabilities.ts";

/** A backend that test jobs can imitate. */
export type BackendName = "sqlite" | "postgres" | "bullmq" | "rabbitmq" | "sqs";

/** Properties of a backend that a program notices before a worker runs: its limits, and the calls that it refuses. */
export interface Likeness {
  /** With the default settings of the server and the package. */
  readonly capabilities: Capabilities;
  /** Whether `enqueueIn` and `completeIn` work. */
  readonly transactions: boolean;
  /** Whether `jobs.workers()` works. */
  readonly listsWorkers: boolean;
  /** Whether it has a ledger of its own. */
  readonly ledger: boolean;
}

const YEAR_MS = 365 * 86_400_000;
const MIB = 1_048_576;

/** The capabilities that SQLite, PostgreSQL and Redis share. */
const store: Capabilities = {
  maxDelayMs: Infinity,
  leasesWhenDue: true,
  maxRetryDelayMs: Infinity,
  priorityLevels: 201,
  maxBodyBytes: MIB,
  maxBatch: 1_000,
  maxBatchBytes: Infinity,
  maxInFlight: Infinity,
  maxLeaseMs: Infinity,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: true,
  uniqueKeys: true,
  durable: true,
};

const postgres: Capabilities = {
  ...store,
  maxDelayMs: 1_000 * YEAR_MS,
  maxRetryDelayMs: 1_000 * YEAR_MS,
  maxBatchBytes: 16 * MIB,
  maxInFlight: 3,
  keyConcurrency: true,
  excludesTypes: true,
  maxLeaseMs: YEAR_MS,
};

const rabbitmq: Capabilities = {
  maxDelayMs: 419_430_300,
  maxRetryDelayMs: 419_430_300,
  priorityLevels: 1,
  maxBodyBytes: MIB,
  maxBatch: 16,
  maxBatchBytes: MIB,
  maxInFlight: 64,
  maxLeaseMs: 0,
  maxRunMs: 1_790_000,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: false,
  durable: true,
};

const sqs: Capabilities = {
  maxDelayMs: 900_000,
  maxRetryDelayMs: Infinity,
  priorityLevels: 1,
  maxBodyBytes: 780_288,
  maxBatch: 10,
  maxBatchBytes: MIB,
  maxInFlight: 8,
  maxLeaseMs: 43_199_000,
  countsLost: true,
  countsReleases: true,
  ordering: "none",
  uniqueIds: false,
  fairTenants: true,
  durable: true,
};

/** One entry for each backend. A test compares it with the capabilities of the connected backend. */
export const likenesses: Readonly<Record<BackendName, Likeness>> = {
  sqlite: {
    capabilities: { ...store, keyConcurrency: true, excludesTypes: true },
    transactions: true,
    listsWorkers: true,
    ledger: true,
  },
  postgres: { capabilities: postgres, transactions: true, listsWorkers: true, ledger: true },
  bullmq: {
    capabilities: { ...store, maxBatch: 25, maxBatchBytes: MIB, maxInFlight: 40 },
    transactions: false,
    listsWorkers: true,
    ledger: true,
  },
  rabbitmq: { capabilities: rabbitmq, transactions: false, listsWorkers: false, ledger: false },
  sqs: { capabilities: sqs, transactions: false, listsWorkers: false, ledger: false },
};
