import { describe, test } from "vitest";
import { memoryBackend } from "@waybill/core/memory";
import { runBackendContract } from "../src/index.ts";
import { profiles } from "./profiles.ts";

for (const [name, capabilities] of Object.entries(profiles)) {
  describe(`the memory backend, ${name}`, { concurrent: true }, () => {
    runBackendContract(test, { tickMs: 20, fresh: async () => ({ open: memoryBackend({ capabilities }) }) });
  });
}
