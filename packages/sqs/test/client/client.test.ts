import { GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect, onTestFinished, test } from "vitest";
import { withTimeLimit } from "../../src/client/client.ts";
import { credentials, lease, message, open, region, useEmulator } from "../fixture.ts";
import { type FaultProxy, startFaultProxy } from "../fault-proxy.ts";

const emulator = useEmulator();
const throttled = { status: 400, body: { __type: "com.amazonaws.sqs#RequestThrottled", message: "slow down" } };

test.each<[string, FaultProxy["before"], ConstructorParameters<typeof SQSClient>[0]]>([
  ["no timeout, and a frozen server", () => new Promise(() => undefined), { maxAttempts: 1 }],
  ["10 tries, and a server that throttles", () => throttled, { maxAttempts: 10 }],
  [
    "a pause of a minute before another try",
    () => throttled,
    { retryStrategy: { ...pausing(60_000), mode: "standard" } },
  ],
])("a call of the user's client ends in time: %s", async (_what, before, config = {}) => {
  const proxy = await startFaultProxy(emulator.endpoint);
  proxy.before = before;
  const client = new SQSClient({ region, credentials, endpoint: proxy.url, ...config });
  onTestFinished(() => client.destroy());
  const call = withTimeLimit(client, 150)(new GetQueueUrlCommand({ QueueName: "any" }));
  await expect(call).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", message: expect.stringContaining("150 ms") });
});

test("every call of the user's client has a time limit", async () => {
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

/** Returns a retry strategy of the SDK that always repeats the call after a pause. */
function pausing(pauseMs: number) {
  const token = { getRetryCount: () => 0, getRetryDelay: () => pauseMs, getRetryCost: () => 0 };
  return {
    acquireInitialRetryToken: () => Promise.resolve(token),
    refreshRetryTokenForRetry: () => Promise.resolve(token),
    recordSuccess: () => undefined,
  };
}
