import type { Capabilities } from "@waybill/core/backend";
import { LONGEST_DELAY_MS } from "./ladder.ts";
import type { Settings } from "./options.ts";

/** A job may wait a moment in the worker and take a moment to be aborted, all on the broker's clock. */
const SETTLE_GRACE_MS = 10_000;

/** By kind of queue, and by the longest time that the broker lets a consumer hold a message. */
export function rabbitmqCapabilities({
  queueType,
  consumerTimeoutMs,
}: Pick<Settings, "queueType" | "consumerTimeoutMs">): Capabilities {
  return {
    maxDelayMs: LONGEST_DELAY_MS,
    maxRetryDelayMs: LONGEST_DELAY_MS,
    priorityLevels: 1,
    maxBodyBytes: 1_048_576,
    maxBatch: 16,
    maxBatchBytes: 1_048_576,
    // A thousand publishes keep the broker busy; more would wait in the socket, and their confirms would be late.
    maxInFlight: 64,
    maxLeaseMs: 0,
    maxRunMs: Math.max(0, consumerTimeoutMs - SETTLE_GRACE_MS),
    // Classic queues say only that a message was delivered before, not how often.
    countsLost: queueType === "quorum",
    countsReleases: true,
    ordering: "fifo",
    uniqueIds: false,
    durable: true,
  };
}
