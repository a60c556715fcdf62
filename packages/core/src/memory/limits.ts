import type { Capabilities } from "../backend/capabilities.ts";

/** What this process can hold in memory: everything but durability. */
export const memoryCapabilities: Capabilities = {
  maxDelayMs: Infinity,
  maxRetryDelayMs: Infinity,
  leasesWhenDue: true,
  priorityLevels: 201,
  maxBodyBytes: 1_048_576,
  maxBatch: 1_000,
  maxBatchBytes: Infinity,
  maxInFlight: Infinity,
  maxLeaseMs: Infinity,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: true,
  keyConcurrency: true,
  excludesTypes: true,
  uniqueKeys: true,
  durable: false,
};
