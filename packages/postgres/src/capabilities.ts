import type { Capabilities } from "@waybill/core/backend";

/** `connections` is what one process may hold; each verb may use as many at once as the pool has. */
export function postgresCapabilities(connections: number): Capabilities {
  return {
    // A timestamp of the server's reaches the year 294276; a thousand years of delay is where sums begin to go wrong.
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
    durable: true,
  };
}
