import { runBackendContract } from "@waybill/backend-contract";
import { describe, test } from "vitest";
import { bullmqBackend } from "../src/index.ts";
import { context, freshPrefix, redisUrl, removePrefix } from "./redis.ts";

describe("the backend contract, on Redis with an append-only file", () => {
  runBackendContract(test, {
    async fresh() {
      const prefix = freshPrefix();
      const factory = bullmqBackend({ url: await redisUrl(), prefix });
      return { open: () => factory(context), remove: () => removePrefix(prefix) };
    },
  });
});
