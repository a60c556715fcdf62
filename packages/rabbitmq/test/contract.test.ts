import { runBackendContract } from "@waybill/backend-contract";
import { describe, test } from "vitest";
import { freshStore } from "./fixture.ts";

/** Delays are multiples of 100 ms. */
const tickMs = 100;

describe.each(["quorum", "classic"] as const)("the backend contract, on %s queues", (queueType) => {
  runBackendContract((name, run) => test.concurrent(name, { timeout: 40_000 }, run), {
    tickMs,
    // Each rule has a prefix of its own, so its first delay declares the delay levels, up to 22 quorum queues.
    promptMs: 5_000,
    eventuallyMs: 10_000,
    limitMs: 36_000,
    knownFailures: {
      "counts distinguish ready, delayed, leased and dead":
        "jobs of all queues wait in the same queues, so delayed jobs are counted in one row of their own",
      "oldestWaitMs is how long the oldest ready message has been ready, and null when none is":
        "AMQP does not report how long a message has waited",
    },
    fresh: () => freshStore({ queueType }),
  });
});
