import { GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect, onTestFinished, test } from "vitest";
import { guarded } from "../src/handed-in.ts";
import { credentials, lease, message, open, region, useEmulator } from "./fresh.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

const emulator = useEmulator();
const throttled = { status: 400, body: { __type: "com.amazonaws.sqs#RequestThrottled", message: "slow down" } };

test.each<[string, FaultProxy["before"], ConstructorParameters<typeof SQSClient>[0]]>([
  ["no timeout, and a server that is frozen", () => new Promise(() => undefined), { maxAttempts: 1 }],
  ["10 tries, and a server that throttles", () => throttled, { maxAttempts: 10 }],
  [
    "a pause of a minute before another try",
    () => throttled,
    { retryStrategy: { ...pausing(60_000), mode: "standard" } },
  ],
])("a call of a client that was handed in ends in time: %s", async (_what, before, config = {}) => {
  const proxy = await startFaultProxy(emulator.endpoint);
  proxy.before = before;
  const client = new SQSClient({ region, credentials, endpoint: proxy.url, ...config });
  onTestFinished(() => client.destroy());
  const call = guarded(client, 150)(new GetQueueUrlCommand({ QueueName: "any" }));
  await expect(call).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", message: expect.stringContaining("150 ms") });
});

test("every call of a client that was handed in has that deadline", async () => {
  const client = new SQSClient({ region, credentials, endpoint: emulator.endpoint });
  const { requestHandler } = client.config;
  const handle = requestHandler.handle.bind(requestHandler);
  const limited: boolean[] = [];
  requestHandler.handle = (request, options = {}) => {
    limited.push("abortSignal" in options && options.abortSignal !== undefined);
    return handle(request, options);
  };
  const backend = await open(emulator.endpoint, { client, create: true, queues: ["default"] });
  await backend.enqueue([message()]);
  expect(await lease(backend, { waitMs: 2_000 })).toHaveLength(1);
  expect(limited.length).toBeGreaterThan(5);
  expect(limited).not.toContain(false);
  client.destroy();
});

/** A retry strategy of the SDK that always tries again, so much later. */
function pausing(pauseMs: number) {
  const token = { getRetryCount: () => 0, getRetryDelay: () => pauseMs, getRetryCost: () => 0 };
  return {
    acquireInitialRetryToken: () => Promise.resolve(token),
    refreshRetryTokenForRetry: () => Promise.resolve(token),
    recordSuccess: () => undefined,
  };
}
