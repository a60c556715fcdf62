import type { Capabilities } from "@waybill/core/backend";

/** `connections`: how many one process may open. One of them listens, and the others can each run a call. */
export function postgresCapabilities(connections: number): Capabilities {
  return {
    // The server's timestamps end in the year 294276, and its sums of times fail before that.
    maxDelayMs: 1_000 * 365 * 86_400_000,
    leasesWhenDue: true,
    maxRetryDelayMs: 1_000 * 365 * 86_400_000,
    priorityLevels: 201,
    maxBodyBytes: 1_048_576,
    maxBatch: 1_000,
    maxBatchBytes: 16 * 1_048_576,
    maxInFlight: Math.max(connections - 1, 1),
    maxLeaseMs: 365 * 86_400_000,
    countsLost: true,
    countsReleases: true,
    ordering: "fifo",
    uniqueIds: true,
    uniqueKeys: true,
    keyConcurrency: true,
    excludesTypes: true,
    durable: true,
  };
}
