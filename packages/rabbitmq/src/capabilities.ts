import type { Capabilities } from "@waybill/core/backend";
import type { Settings } from "./options.ts";
import { LONGEST_DELAY_MS } from "./topology/delay-levels.ts";

/** Kept free of a job's run: it may wait in the worker before it starts, and needs time to abort. */
const SETTLE_GRACE_MS = 10_000;

/** Returns the capabilities for a queue type and the broker's `consumer_timeout`. */
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
    // A thousand publishes keep the broker busy. More would wait in the socket, and their confirms would be late.
    maxInFlight: 64,
    maxLeaseMs: 0,
    maxRunMs: Math.max(0, consumerTimeoutMs - SETTLE_GRACE_MS),
    // Classic queues report only that a message was delivered before, not how often.
    countsLost: queueType === "quorum",
    countsReleases: true,
    ordering: "fifo",
    uniqueIds: false,
    durable: true,
  };
}
