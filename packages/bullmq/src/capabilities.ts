import type { Capabilities } from "@waybill/core/backend";

/** What BullMQ's scripts do on any Redis. */
export const bullmqCapabilities: Capabilities = {
  maxDelayMs: Infinity,
  leasesWhenDue: true,
  maxRetryDelayMs: Infinity,
  priorityLevels: 201,
  maxBodyBytes: 1_048_576,
  // Small, so that Redis works on one batch while we make the next.
  maxBatch: 25,
  maxBatchBytes: 1_048_576,
  // A thousand jobs keep Redis busy; more would wait in the socket while their time runs.
  maxInFlight: 40,
  maxLeaseMs: Infinity,
  countsLost: true,
  countsReleases: true,
  ordering: "fifo",
  uniqueIds: true,
  durable: true,
};

/** Without the append-only file, what was written since the last snapshot is gone with the server. */
export const capabilitiesOf = (appendOnly: boolean): Capabilities => ({ ...bullmqCapabilities, durable: appendOnly });
