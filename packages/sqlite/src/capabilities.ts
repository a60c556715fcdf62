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
  // Whatever arrives in one turn of the event loop shares a commit here, so there is nothing to hold back for.
  maxInFlight: Infinity,
  maxLeaseMs: Infinity,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: true,
  durable: true,
};
