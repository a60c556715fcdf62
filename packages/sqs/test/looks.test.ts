import { GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { inspectorOf } from "@waybill/core/backend";
import { startFauxqs } from "@waybill/test-servers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createBatches } from "../src/batches.ts";
import type { Send } from "../src/client.ts";
import { createDeadLetters } from "../src/dead-letters.ts";
import type { Queue } from "../src/queues.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { admit, credentials, freshPrefix, lease, message, open, region, useEmulator } from "./fresh.ts";

const emulator = useEmulator();
let proxy: FaultProxy;

beforeEach(async () => {
  proxy = await startFaultProxy(emulator.endpoint);
});
afterEach(() => proxy.close());

async function withDead(endpoint: string, count: number) {
  const prefix = freshPrefix();
  const backend = await open(endpoint, { credentials, prefix });
  await backend.enqueue(Array.from({ length: count }, () => message()));
  for (let buried = 0; buried < count;) {
    const held = await lease(backend, { limit: count, waitMs: 2_000 });
    await Promise.all(held.map((one) => backend.deadLetter(one, { code: "TEST", message: "why" })));
    buried += held.length;
  }
  const inspector = inspectorOf(backend);
  if (inspector === null) throw new Error("it has an inspector");
  return { inspector, prefix };
}

const DENIED = { status: 400, body: { __type: "com.amazonaws.sqs#AccessDeniedException", message: "not allowed" } };

function fail(action: string): void {
  proxy.before = (call) => (call.action === action ? DENIED : null);
}

describe("a look that SQS does not let put letters back", () => {
  test("rejects, with how many are hidden, where, for how long and why", async () => {
    const { inspector, prefix } = await withDead(proxy.url, 3);
    fail("ChangeMessageVisibilityBatch");
    const said = `^3 of the 3 dead letters looked at in "${prefix}_dead" .* for up to 30 s; .*AccessDenied: not allowed`;
    await expect(inspector.deadLetters()).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringMatching(said) as string,
    });
    // A killed process leaves them so.
    const looks = proxy.calls.filter(
      ({ action, input }) => action === "ReceiveMessage" && `${input["QueueUrl"]}`.endsWith("_dead"),
    );
    expect(new Set(looks.map(({ input }) => input["VisibilityTimeout"]))).toEqual(new Set([30]));
  });

  test("says what it did to the others", async () => {
    const { inspector } = await withDead(proxy.url, 3);
    fail("ChangeMessageVisibilityBatch");
    await expect(inspector.replay({ limit: 1 })).rejects.toThrow(/^1 dead letters were replayed, but 2 of the 2 /);
  });

  test("is told of a copy of SQS that cannot do it", async () => {
    const server = await startFauxqs();
    onTestFinished(() => server.stop());
    const { inspector } = await withDead(`http://127.0.0.1:${server.port}`, 3);
    await expect(inspector.deadLetters()).rejects.toThrow(/3 dead letters looked at in .* NOT NULL/);
  });
});

test("a look that fails midway puts back what it has", async () => {
  const { inspector } = await withDead(proxy.url, 3);
  let receives = 0;
  proxy.before = ({ action }) => (action === "ReceiveMessage" && (receives += 1) === 2 ? DENIED : null);
  await expect(inspector.deadLetters()).rejects.toThrow("looking into");
  expect(await inspector.deadLetters()).toHaveLength(3);
});

test("a long look renews its hold before it runs out, and puts back all the same", async () => {
  const { inspector, prefix } = await withDead(emulator.endpoint, 3);
  const client = new SQSClient({ region, credentials, endpoint: proxy.url });
  onTestFinished(() => client.destroy());
  const send: Send = client.send.bind(client);
  const { QueueUrl = "" } = await send(new GetQueueUrlCommand({ QueueName: `${prefix}_dead` }));
  const dead = { name: `${prefix}_dead`, url: QueueUrl } as Queue;
  const hidden = (): unknown[] =>
    proxy.calls
      .filter(({ action }) => action === "ChangeMessageVisibilityBatch")
      .map(({ input }) => input.Entries?.map((entry) => (entry as { VisibilityTimeout?: number }).VisibilityTimeout));
  const looks = createDeadLetters(send, createBatches(send), dead, prefix, admit, 3);
  await looks.look(null, async (letters) => {
    await expect.poll(hidden, { timeout: 10_000 }).toContainEqual([3, 3, 3]);
    return { gone: new Set(letters.slice(0, 0)), value: null };
  });
  expect(hidden().at(-1)).toEqual([0, 0, 0]);
  expect(await inspector.deadLetters()).toHaveLength(3);
});
