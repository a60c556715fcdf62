import { GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { inspectorOf } from "@waybill/core/backend";
import { startFauxqs } from "@waybill/test-servers";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createBatches } from "../../src/client/batches.ts";
import type { Send } from "../../src/client/client.ts";
import { createDeadLetters } from "../../src/queues/dead-letters.ts";
import type { Queue } from "../../src/queues/queues.ts";
import { type FaultProxy, startFaultProxy } from "../fault-proxy.ts";
import { admit, credentials, freshPrefix, lease, message, open, region, useEmulator } from "../fixture.ts";

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
  for (let dead = 0; dead < count;) {
    const leases = await lease(backend, { limit: count, waitMs: 2_000 });
    await Promise.all(leases.map((one) => backend.deadLetter(one, { code: "TEST", message: "why" })));
    dead += leases.length;
  }
  const inspector = inspectorOf(backend);
  if (inspector === null) throw new Error("it has an inspector");
  return { inspector, prefix };
}

const DENIED = { status: 400, body: { __type: "com.amazonaws.sqs#AccessDeniedException", message: "not allowed" } };

function fail(action: string): void {
  proxy.before = (call) => (call.action === action ? DENIED : null);
}

describe("when SQS does not make dead letters visible again", () => {
  test("a listing rejects with how many are hidden, where, for how long and why", async () => {
    const { inspector, prefix } = await withDead(proxy.url, 3);
    fail("ChangeMessageVisibilityBatch");
    const said = `^3 of the 3 dead letters received from "${prefix}_dead" .* for up to 30 s; .*AccessDenied: not allowed`;
    await expect(inspector.deadLetters()).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringMatching(said) as string,
    });
    // A killed process leaves them hidden for as long.
    const receives = proxy.calls.filter(
      ({ action, input }) => action === "ReceiveMessage" && `${input["QueueUrl"]}`.endsWith("_dead"),
    );
    expect(new Set(receives.map(({ input }) => input["VisibilityTimeout"]))).toEqual(new Set([30]));
  });

  test("a replay rejects with what it did to the others", async () => {
    const { inspector } = await withDead(proxy.url, 3);
    fail("ChangeMessageVisibilityBatch");
    await expect(inspector.replay({ limit: 1 })).rejects.toThrow(/^1 dead letters were replayed, but 2 of the 2 /);
  });
});

test("a listing on an emulator with a disk leaves its letters to the next one", async () => {
  const server = await startFauxqs();
  onTestFinished(() => server.stop());
  const { inspector } = await withDead(`http://127.0.0.1:${server.port}`, 3);
  expect(await inspector.deadLetters()).toHaveLength(3);
  expect(await inspector.deadLetters()).toHaveLength(3);
});

test("a listing that fails midway makes its letters visible again", async () => {
  const { inspector } = await withDead(proxy.url, 3);
  let receives = 0;
  proxy.before = ({ action }) => (action === "ReceiveMessage" && (receives += 1) === 2 ? DENIED : null);
  await expect(inspector.deadLetters()).rejects.toThrow("listing");
  expect(await inspector.deadLetters()).toHaveLength(3);
});

test("long work with dead letters keeps them hidden, and makes them visible at its end", async () => {
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
  const deadLetters = createDeadLetters(send, createBatches(send), dead, prefix, admit, 3);
  await deadLetters.use(null, async (letters) => {
    await expect.poll(hidden, { timeout: 10_000 }).toContainEqual([3, 3, 3]);
    return { gone: new Set(letters.slice(0, 0)), value: null };
  });
  expect(hidden().at(-1)).toEqual([0, 0, 0]);
  expect(await inspector.deadLetters()).toHaveLength(3);
});
