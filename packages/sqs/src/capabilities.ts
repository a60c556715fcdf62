import type { Capabilities } from "@waybill/core/backend";

/** SQS counts visibility in whole seconds from the receipt, up to 12 h. */
const TWELVE_HOURS_MS = 43_200_000;
/** How much earlier than the visibility a lease ends, so that an ack at the last moment arrives in time. */
export const MARGIN_MS = 1_000;
/** 1 MiB for body and attributes, of which 8 KiB are for attributes. In base64 a body takes 4 bytes for 3. */
const MAX_BODY_BYTES = ((1_048_576 - 8_192) / 4) * 3;
const DAY_MS = 86_400_000;
const HALF_AN_HOUR_MS = 1_800_000;

/** No order, occasional duplicates, and delays of any length by copies. */
export const standardCapabilities: Capabilities = {
  maxDelayMs: 900_000,
  // By copies: each waits up to 15 minutes, and its retention starts anew.
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
  fairTenants: true,
  durable: true,
};

/** A copy would lose its order, so the message itself waits, within 12 h of visibility and 14 days of retention. */
export const fifoCapabilities: Capabilities = {
  ...standardCapabilities,
  // One of the 14 days is left for the run.
  maxDelayMs: 13 * DAY_MS,
  maxWaitMs: 13 * DAY_MS,
  // A run and the wait after it share the 12 h of one delivery.
  maxLeaseMs: TWELVE_HOURS_MS / 2,
  maxRetryDelayMs: TWELVE_HOURS_MS / 2 - HALF_AN_HOUR_MS,
  countsLost: false,
  countsReleases: false,
  countsDeliveries: true,
};
