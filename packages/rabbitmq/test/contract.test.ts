import { runBackendContract } from "@waybill/backend-contract";
import { describe, test } from "vitest";
import { freshStore } from "./broker.ts";

/** Delays are counted in rungs of 100 ms. */
const tickMs = 100;

describe.each(["quorum", "classic"] as const)("the backend contract, on %s queues", (queueType) => {
  runBackendContract((name, run) => test.concurrent(name, { timeout: 40_000 }, run), {
    tickMs,
    // Each rule has a prefix of its own, so its first delay makes the whole ladder: 22 quorum queues.
    promptMs: 5_000,
    patienceMs: 10_000,
    limitMs: 36_000,
    knownFailures: {
      "counts tell ready, delayed, leased and dead apart":
        "jobs of all queues wait on one ladder, so what is delayed is counted in a row of its own",
      "oldestWaitMs is how long the oldest ready message has been ready, and null when none is":
        "AMQP does not tell how long a message has waited without taking it out",
    },
    fresh: () => freshStore({ queueType }),
  });
});
