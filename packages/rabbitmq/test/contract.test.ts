import { runBackendContract } from "@waybill/backend-contract";
import { describe, test } from "vitest";
import { freshStore } from "./broker.ts";

/** Delays are counted in rungs of 100 ms. */
const tickMs = 100;

describe.each(["quorum", "classic"] as const)("the backend contract, on %s queues", (queueType) => {
  runBackendContract((name, run) => test.concurrent(name, { timeout: 40_000 }, run), {
    tickMs,
    fresh: () => freshStore({ queueType }),
  });
});
