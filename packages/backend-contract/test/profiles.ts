import type { Capabilities } from "@waybill/core/backend";

/** The memory backend as itself, and kept to the limits of other kinds of backend. */
export const profiles: Readonly<Record<string, Partial<Capabilities>>> = {
  "with all it has": {},
  "limited like SQS": {
    maxDelayMs: 900_000,
    leasesWhenDue: false,
    maxRetryDelayMs: 900_000,
    priorityLevels: 1,
    maxBatch: 10,
    maxBodyBytes: 262_144,
    maxBatchBytes: 1_048_576,
    maxLeaseMs: 43_200_000,
    ordering: "none",
    uniqueIds: false,
    keyConcurrency: false,
    excludesTypes: false,
    uniqueKeys: false,
  },
  "limited like AMQP": {
    maxDelayMs: 0,
    leasesWhenDue: false,
    maxRetryDelayMs: 0,
    priorityLevels: 1,
    maxLeaseMs: 0,
    countsLost: false,
    countsReleases: false,
    uniqueIds: false,
    keyConcurrency: false,
    excludesTypes: false,
    uniqueKeys: false,
  },
};
