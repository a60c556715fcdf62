import { runBackendContract } from "@waybill/backend-contract";
import { describe, test } from "vitest";
import { sqsBackend } from "../src/index.ts";
import { context, freshPrefix, region, useEmulator } from "./fresh.ts";

const emulator = useEmulator();

describe.concurrent.for([
  { type: "standard", fifo: false },
  { type: "FIFO", fifo: true },
])("the backend contract, on $type queues", ({ fifo }) => {
  runBackendContract((name, run) => test(name, { timeout: 60_000 }, run), {
    async fresh() {
      const { endpoint } = emulator;
      const factory = sqsBackend({ region, endpoint, fifo, prefix: freshPrefix(), pollSeconds: 1 });
      return { open: () => factory(context) };
    },
    tickMs: 1_000,
    promptMs: 3_000,
    limitMs: 50_000,
  });
});
