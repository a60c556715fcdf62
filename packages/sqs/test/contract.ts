import { runBackendContract } from "@waybill/backend-contract";
import { describe, test, vi } from "vitest";
import { sqsBackend } from "../src/index.ts";
import { context, type Emulator, freshPrefix, region } from "./fixture.ts";

// SQS counts in seconds, so most rules mainly wait.
vi.setConfig({ maxConcurrency: 25 });

const age = "oldestWaitMs is how long the oldest ready message has been ready, and null when none is";
const apart = "counts distinguish ready, delayed, leased and dead";

/** Runs the published suite against queues of both types on one copy of SQS. */
export function contractOn(emulator: Emulator): void {
  describe.concurrent.for([
    { type: "standard", fifo: false, unsupported: {} },
    {
      type: "FIFO",
      fifo: true,
      unsupported: { [apart]: "a FIFO queue has no delayed messages, only ready and hidden ones" },
    },
  ])("the backend contract, on $type queues", ({ fifo, unsupported }) => {
    runBackendContract((name, run) => test(name, { timeout: 60_000 }, run), {
      async fresh() {
        const { endpoint } = emulator;
        const factory = sqsBackend({ region, endpoint, fifo, prefix: freshPrefix(), pollSeconds: 1 });
        return { open: () => factory(context) };
      },
      tickMs: 1_000,
      promptMs: 3_000,
      limitMs: 50_000,
      knownFailures: { ...unsupported, [age]: "SQS reports the age of the oldest message to CloudWatch only" },
    });
  });
}
