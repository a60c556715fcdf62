import { runBackendContract } from "@waybill/backend-contract";
import { describe, test, vi } from "vitest";
import { sqsBackend } from "../src/index.ts";
import { context, type Emulator, freshPrefix, region } from "./fresh.ts";

// SQS counts in seconds: most of a rule is waiting.
vi.setConfig({ maxConcurrency: 25 });

const age = "oldestWaitMs is how long the oldest ready message has been ready, and null when none is";
const apart = "counts tell ready, delayed, leased and dead apart";

/** Runs the published suite against queues of both types on one copy of SQS. */
export function contractOn(emulator: Emulator): void {
  describe.concurrent.for([
    { type: "standard", fifo: false, untold: {} },
    {
      type: "FIFO",
      fifo: true,
      untold: { [apart]: "a FIFO queue has no delayed messages, only ready and hidden ones" },
    },
  ])("the backend contract, on $type queues", ({ fifo, untold }) => {
    runBackendContract((name, run) => test(name, { timeout: 60_000 }, run), {
      async fresh() {
        const { endpoint } = emulator;
        const factory = sqsBackend({ region, endpoint, fifo, prefix: freshPrefix(), pollSeconds: 1 });
        return { open: () => factory(context) };
      },
      tickMs: 1_000,
      promptMs: 3_000,
      limitMs: 50_000,
      knownFailures: { ...untold, [age]: "SQS tells the age of the oldest message to CloudWatch alone" },
    });
  });
}
