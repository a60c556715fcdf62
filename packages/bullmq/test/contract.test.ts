import { runBackendContract } from "@waybill/backend-contract";
import { Redis } from "ioredis";
import { describe, test } from "vitest";
import { bullmqBackend } from "../src/index.ts";
import { freshPrefix, redisUrl, removePrefix } from "./redis.ts";

/** As a producer in another language does. */
async function push(list: string, body: string): Promise<void> {
  const client = new Redis(await redisUrl());
  await client.lpush(list, body);
  client.disconnect();
}

describe("the backend contract, on Redis with an append-only file", { concurrent: true }, () => {
  runBackendContract(test, {
    async fresh() {
      const prefix = freshPrefix();
      const factory = bullmqBackend({ url: await redisUrl(), prefix });
      return {
        open: factory,
        arrive: ({ queue, body }) => push(`${prefix}:inbox:${queue}`, body),
        remove: () => removePrefix(prefix),
      };
    },
  });
});
