import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, expect, test, vi } from "vitest";
import { sqsBackend } from "../../src/index.ts";
import { context, freshPrefix, region, useEmulator } from "../fixture.ts";

const emulator = useEmulator();

afterEach(() => void vi.useRealTimers());

test("the user's clients fail in every way, and the process continues", async () => {
  const program = fileURLToPath(new URL("../children/user-client.ts", import.meta.url));
  const args = ["--conditions=waybill-source", program, emulator.endpoint, freshPrefix()];
  // Rejects with the process's output unless it ends with code 0.
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  expect(JSON.parse(stdout)).toEqual(
    [
      "throws at once",
      "rejects with nothing",
      "rejects with text",
      "returns no promise",
      "returns no response",
      "returns an empty response",
      "returns garbage",
      "never settles",
      "is destroyed by its owner",
    ].map((moment) => ({ moment, strange: [] })),
  );
});

const mistake = (): never => {
  throw new Error("the owner's mistake");
};

test.for<[string, () => unknown, RegExp]>([
  ["throws at once", mistake, /looking up the queue .*the owner's mistake/],
  ["rejects with nothing", () => Promise.reject(undefined as never), /looking up the queue/],
  ["rejects with text", () => Promise.reject("mistake" as never), /looking up the queue .*mistake/],
  ["returns no promise", () => undefined, /`send` of the `client` option resolved without a response/],
  ["returns no response", async () => "text", /`send` of the `client` option resolved without a response/],
  ["returns an empty response", async () => ({}), /no URL was returned for the queue/],
  ["returns garbage", async () => ({ QueueUrl: 7 }), /no URL was returned for the queue/],
  ["never settles", () => new Promise(() => undefined), /`send` .* did not settle within 8000 ms/],
])("a client whose `send` %s is refused when the backend opens", async ([, send, message]) => {
  vi.useFakeTimers();
  const client = { send } as unknown as SQSClient;
  const refused = expect(sqsBackend({ region, client })(context)).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringMatching(message) as string,
  });
  await vi.advanceTimersByTimeAsync(8_000);
  await refused;
});

test("a client without `send` is refused", () => {
  for (const client of [{}, 7, "a client"]) {
    expect(() => sqsBackend({ region, client: client as SQSClient })).toThrow(/client has no `send`/);
  }
});
