import type { Capabilities } from "@waybill/core/backend";

/** One file, one writer at a time, every write synced. */
export const sqliteCapabilities: Capabilities = {
  maxDelayMs: Infinity,
  leasesWhenDue: true,
  maxRetryDelayMs: Infinity,
  priorityLevels: 201,
  maxBodyBytes: 1_048_576,
  maxBatch: 1_000,
  maxBatchBytes: Infinity,
  // All calls of one turn of the event loop share a commit, so core need not hold calls back.
  maxInFlight: Infinity,
  maxLeaseMs: Infinity,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: true,
  uniqueKeys: true,
  keyConcurrency: true,
  excludesTypes: true,
  durable: true,
};
