import { describe, test } from "node:test";
import { runBackendContract } from "@waybill/backend-contract";
import { memoryBackend } from "@waybill/core/memory";

describe("memory", { concurrency: true }, () => {
  runBackendContract(test, { fresh: async () => ({ open: memoryBackend() }) });
});
