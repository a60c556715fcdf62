import type { Capabilities } from "@waybill/core/backend";

/** What the backend can do on a Redis with an append-only file. */
export const bullmqCapabilities: Capabilities = {
  maxDelayMs: Infinity,
  leasesWhenDue: true,
  maxRetryDelayMs: Infinity,
  priorityLevels: 201,
  maxBodyBytes: 1_048_576,
  // Small, so that Redis works on one batch while the process makes the next.
  maxBatch: 25,
  maxBatchBytes: 1_048_576,
  // 40 batches of 25 keep Redis busy; more would wait in the socket while their time limit runs.
  maxInFlight: 40,
  maxLeaseMs: Infinity,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: true,
  uniqueKeys: true,
  durable: true,
};

/** Without an append-only file, a crash of Redis loses what was written since the last snapshot. */
export const capabilitiesOf = (appendOnly: boolean): Capabilities => ({ ...bullmqCapabilities, durable: appendOnly });
