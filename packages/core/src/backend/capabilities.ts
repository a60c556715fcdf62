/** What a backend supports by itself, computed when it is opened. Each is a limit where a limit exists, else a flag. */
export interface Capabilities {
  /** Longest `delayMs` of `enqueue`. Infinity: any. 0: no delays. */
  readonly maxDelayMs: number;
  /** Longest `delayMs` of `retry`. Infinity: any. 0: no delays. */
  readonly maxRetryDelayMs: number;
  /** Longest wait before a job runs, several releases together, because the store deletes older messages. Absent: any. */
  readonly maxWaitMs?: number;
  /**
   * True: a leased job is always due by the store's clock, so core does not compare with the worker's clock. Absent: core
   * releases a job that arrives before its time by the worker's clock.
   */
  readonly leasesWhenDue?: boolean;
  /** Number of distinct priorities. 1: none. 201: all of −100 to 100. */
  readonly priorityLevels: number;
  /** Largest `body`, in bytes of UTF-8. */
  readonly maxBodyBytes: number;
  /** Most messages or leases in one call of `enqueue`, `ack` or `extend`. */
  readonly maxBatch: number;
  /** Most bytes of all bodies in one call of `enqueue`. Infinity: `maxBatch` alone counts. */
  readonly maxBatchBytes: number;
  /** Most calls of one method at a time; core gathers further ones. Infinity: any. */
  readonly maxInFlight: number;
  /** Longest lease, extensions included. Infinity: any. 0: the lease lasts as long as the connection is known to be up. */
  readonly maxLeaseMs: number;
  /** Longest run of a job where the lease has no time limit but the run has one. Absent or Infinity: any. */
  readonly maxRunMs?: number;
  /** Whether `lost` of a lease is counted. */
  readonly countsLost: boolean;
  /** Whether `releases` of a lease is counted. */
  readonly countsReleases: boolean;
  /** True: the store counts deliveries only, so `attempt` includes releases and lost deliveries. Absent: failures alone. */
  readonly countsDeliveries?: boolean;
  /** "fifo": jobs of the same priority and due time are delivered in the order of their enqueue. "none": in any order. */
  readonly ordering: "fifo" | "none";
  /** Whether an id that is stored already is detected (`stored: false`, or `ID_CONFLICT`). If not, both copies run. */
  readonly uniqueIds: boolean;
  /** True: keeps `unique` of a message, in the statements that enqueue and settle it. Absent: core keeps it in the ledger. */
  readonly uniqueKeys?: boolean;
  /** True: a lease skips jobs whose concurrency key is full. Absent: core keeps the keys in the ledger and releases such jobs. */
  readonly keyConcurrency?: boolean;
  /** True: `lease` leaves jobs of `excludeTypes` where they are. Absent: core releases them. */
  readonly excludesTypes?: boolean;
  /** True: while jobs of several tenants wait, many of one delay those of others little. Absent: jobs are leased in their order. */
  readonly fairTenants?: boolean;
  /** Whether a stored message survives the end of every process and a restart of the machine. */
  readonly durable: boolean;
}

/** No limits, for jobs that are not stored here: pushed ones, whose queue has kept their unique keys, and those that run inline. */
export const unlimited: Capabilities = {
  maxDelayMs: Infinity,
  maxRetryDelayMs: Infinity,
  priorityLevels: 201,
  maxBodyBytes: Infinity,
  maxBatch: Infinity,
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
