import type { Capabilities } from "@waybill/core/backend";

/** SQS counts visibility in whole seconds and 12 h at most, from the receipt on. */
const TWELVE_HOURS_MS = 43_200_000;
/** Leases end this much before the visibility does: an ack on its way at the last moment still finds the message ours. */
export const MARGIN_MS = 1_000;

/**
 * Of 1 MiB for body and attributes, 8 KiB are kept for attributes; a body that must travel as base64 takes 4 bytes for 3.
 */
const MAX_BODY_BYTES = ((1_048_576 - 8_192) / 4) * 3;

/** Any order, duplicates now and then, and any delay by copies. */
export const standardCapabilities: Capabilities = {
  maxDelayMs: 900_000,
  // By copies: each waits up to 15 minutes, and its age counts from the copy.
  maxRetryDelayMs: Infinity,
  priorityLevels: 1,
  maxBodyBytes: MAX_BODY_BYTES,
  maxBatch: 10,
  maxBatchBytes: 1_048_576,
  maxInFlight: 8,
  maxLeaseMs: TWELVE_HOURS_MS - MARGIN_MS,
  countsLost: true,
  countsReleases: true,
  ordering: "none",
  uniqueIds: false,
  durable: true,
};

const HALF_AN_HOUR_MS = 1_800_000;

/** A copy would lose its place, so that everything happens to the message itself, within 12 h of visibility and 14 days. */
export const fifoCapabilities: Capabilities = {
  ...standardCapabilities,
  // A message that waits grows older: a day of its 14 is left for the run.
  maxDelayMs: 13 * 86_400_000,
  maxWaitMs: 13 * 86_400_000,
  // One delivery's run and the wait after it share its 12 h.
  maxLeaseMs: TWELVE_HOURS_MS / 2,
  maxRetryDelayMs: TWELVE_HOURS_MS / 2 - HALF_AN_HOUR_MS,
  countsLost: false,
  countsReleases: false,
  countsDeliveries: true,
};
