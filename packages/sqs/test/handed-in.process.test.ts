import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, expect, test, vi } from "vitest";
import { sqsBackend } from "../src/index.ts";
import { context, freshPrefix, region, useEmulator } from "./fresh.ts";

const emulator = useEmulator();

afterEach(() => void vi.useRealTimers());

test("clients that were handed in fail in every way, and the process lives on", async () => {
  const program = fileURLToPath(new URL("children/handed-in.ts", import.meta.url));
  const args = ["--conditions=waybill-source", program, emulator.endpoint, freshPrefix()];
  // Rejects with what the process wrote if it ends with another code than 0.
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
  ["throws at once", mistake, /looking for the queue .*the owner's mistake/],
  ["rejects with nothing", () => Promise.reject(undefined as never), /looking for the queue/],
  ["rejects with text", () => Promise.reject("mistake" as never), /looking for the queue .*mistake/],
  ["returns no promise", () => undefined, /`send` of the client that was handed in resolved with no response/],
  ["returns no response", async () => "text", /`send` of the client that was handed in resolved with no response/],
  ["returns an empty response", async () => ({}), /no URL came back for the queue/],
  ["returns garbage", async () => ({ QueueUrl: 7 }), /no URL came back for the queue/],
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

test("what has no `send` is refused as no client", () => {
  for (const client of [{}, 7, "a client"]) {
    expect(() => sqsBackend({ region, client: client as SQSClient })).toThrow(/client has no `send`/);
  }
});
