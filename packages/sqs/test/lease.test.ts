import {
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  type MessageAttributeValue,
  SendMessageCommand,
  SetQueueAttributesCommand,
  type Message as SqsMessage,
} from "@aws-sdk/client-sqs";
import { connect, defineJob, newId } from "@waybill/core";
import { inspectorOf, type Lease } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import { startFaultProxy } from "./fault-proxy.ts";
import { sqsBackend } from "../src/index.ts";
import { credentials, freshPrefix, lease, message, open, region, useEmulator } from "./fixture.ts";

const emulator = useEmulator();

const urlOf = async (name: string): Promise<string> =>
  (await emulator.client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl ?? "";

async function sendByHand(name: string, body: string, attributes: Record<string, string> = {}): Promise<void> {
  const MessageAttributes = Object.fromEntries(
    Object.entries(attributes).map(([key, StringValue]): [string, MessageAttributeValue] => [
      key,
      { DataType: "String", StringValue },
    ]),
  );
  await emulator.client.send(
    new SendMessageCommand({ QueueUrl: await urlOf(name), MessageBody: body, MessageAttributes }),
  );
}

/** Receives the next message of a queue with the SDK. */
async function rawFrom(name: string): Promise<SqsMessage | undefined> {
  const { Messages } = await emulator.client.send(
    new ReceiveMessageCommand({ QueueUrl: await urlOf(name), MessageAttributeNames: ["All"], WaitTimeSeconds: 2 }),
  );
  return Messages?.[0];
}

const attributesOf = (found: SqsMessage | undefined): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(found?.MessageAttributes ?? {}).map(([name, value]) => [name, value.StringValue]));

async function one(leases: Promise<Lease[]>): Promise<Lease> {
  const [first] = await leases;
  if (first === undefined) throw new Error("nothing was leased");
  return first;
}

test("R25: every receive requests the attributes that it needs, although the emulator returns all", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  const backend = await open(proxy.url, { credentials });
  await lease(backend, { limit: 3, leaseMs: 10_000 });
  expect(proxy.calls.find(({ action }) => action === "ReceiveMessage")?.input).toMatchObject({
    MaxNumberOfMessages: 3,
    VisibilityTimeout: 11,
    MessageAttributeNames: ["All"],
    MessageSystemAttributeNames: ["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "MessageGroupId"],
  });
  await backend.close();
  await proxy.close();
});

test("the jobs of a tenant and the copies of their retries share a group, so that a standard queue is fair", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  const backend = await open(proxy.url, { credentials });
  await backend.enqueue([message({ tenant: "acme" }), message({ tenant: "acme/eu west" }), message()]);
  const leased = await one(lease(backend, { waitMs: 2_000 }));
  await backend.retry(leased, { delayMs: 0, countsAttempt: true });
  const groups = proxy.calls
    .filter(({ action }) => action === "SendMessageBatch")
    .flatMap(({ input }) =>
      (input.Entries ?? []).map((entry) => ("MessageGroupId" in entry ? entry.MessageGroupId : null)),
    );
  expect(groups).toEqual(["acme", expect.stringMatching(/^[0-9a-f]{64}$/), null, "acme"]);
  await backend.close();
  await proxy.close();
});

describe("a message that another program sent", () => {
  test("is leased if its body is an envelope, and can be retried", async () => {
    const prefix = freshPrefix();
    const backend = await open(emulator.endpoint, { prefix, queues: ["default"] });
    const body = ' {"id":"by-hand","type":"test.hand"}';
    await sendByHand(`${prefix}-default`, body, { origin: "billing" });
    const leased = await one(lease(backend, { waitMs: 2_000 }));
    expect(leased).toMatchObject({ id: "by-hand", type: "test.hand", body, attempt: 1, queue: "default" });
    await backend.retry(leased, { delayMs: 0, countsAttempt: true });
    expect(attributesOf(await rawFrom(`${prefix}-default`))).toMatchObject({
      origin: "billing",
      "waybill-id": "by-hand",
    });
  });

  test.each([
    ["plain text", "hello"],
    ["a Sidekiq job", '{"class":"HardWorker","args":[1],"jid":"b4a577edbccf1d805744efa9"}'],
    ["incomplete JSON", '{"id":'],
  ])("and is %s is dead-lettered with a code, its bytes and attributes unchanged", async (_, body) => {
    const prefix = freshPrefix();
    const backend = await open(emulator.endpoint, { prefix, queues: ["default"] });
    await sendByHand(`${prefix}-default`, body, { origin: "billing" });
    const leased = await one(lease(backend, { waitMs: 1_000 }));
    if (leased.damage === undefined) throw new Error("it was leased as a job");
    await backend.deadLetter(leased, leased.damage);
    const dead = await rawFrom(`${prefix}_dead`);
    expect(dead?.Body).toBe(body);
    expect(attributesOf(dead)).toMatchObject({
      origin: "billing",
      "waybill-queue": "default",
      "waybill-code": expect.stringMatching(/^(JSON_SYNTAX|FIELD_MISSING)$/),
    });
    expect(await rawFrom(`${prefix}-default`)).toBeUndefined();
  });
});

test("a dead letter has its queue, its reason and its counts", async () => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix });
  const sent = message({ queue: "mail.bulk", tenant: "acme", body: " {}" });
  await backend.enqueue([sent]);
  const first = await one(lease(backend, { queue: "mail.bulk", waitMs: 2_000 }));
  await backend.retry(first, { delayMs: 0, countsAttempt: true });
  const last = await one(lease(backend, { queue: "mail.bulk", waitMs: 2_000 }));
  await backend.deadLetter(last, { code: "ATTEMPTS_EXHAUSTED", message: `no luck \u0000${"x".repeat(3_000)}` });
  const dead = await rawFrom(`${prefix}_dead`);
  expect(dead?.Body).toBe(" {}");
  const { "waybill-reason": reason, ...said } = attributesOf(dead);
  expect(reason?.startsWith("no luck \uFFFDxxx")).toBe(true);
  expect(reason).toHaveLength(2_000);
  expect(said).toEqual({
    "waybill-id": sent.id,
    "waybill-type": "test.job",
    "waybill-tenant": "=acme",
    "waybill-delivery": "attempt=2 lost=0 releases=0",
    "waybill-queue": "mail.bulk",
    "waybill-code": "ATTEMPTS_EXHAUSTED",
  });
});

test("a dead letter with too many attributes leaves out the reason, which is in the error as well", async () => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix });
  const signature = { timestamp: 1_790_000_000, value: "v1,c2ln" };
  // With the encoding there are ten, and the error would be the eleventh.
  await backend.enqueue([message({ tenant: "acme", signature, body: '"\u0001"' })]);
  await backend.retry(await one(lease(backend, { waitMs: 2_000 })), { delayMs: 0, countsAttempt: true });
  const error = { name: "CardDeclined", code: null, message: "no money", stack: ["at pay (pay.ts:7:9)"], causes: [] };
  const reason = { code: "ATTEMPTS_EXHAUSTED", message: "attempt 2 of 2 failed: CardDeclined: no money", error };
  await backend.deadLetter(await one(lease(backend, { waitMs: 2_000 })), reason);
  const [letter] = (await inspectorOf(backend)?.deadLetters()) ?? [];
  expect(letter).toMatchObject({ attempt: 2, body: '"\u0001"', queue: "default", type: "test.job" });
  expect(letter?.reason).toEqual({ ...reason, message: "CardDeclined: no money" });
});

test("a dead letter that is too large for the dead-letter queue leaves out its longest attribute", async () => {
  const prefix = freshPrefix();
  await (await open(emulator.endpoint, { prefix, queues: ["default"] })).close();
  const Attributes = { MaximumMessageSize: "2048" };
  const QueueUrl = await urlOf(`${prefix}_dead`);
  await emulator.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  const backend = await open(emulator.endpoint, { prefix });
  await backend.enqueue([message({ body: JSON.stringify("x".repeat(900)) })]);
  const leased = await one(lease(backend, { waitMs: 2_000 }));
  await backend.deadLetter(leased, { code: "TEST", message: "y".repeat(1_500) });
  const said = attributesOf(await rawFrom(`${prefix}_dead`));
  expect(said).toMatchObject({ "waybill-id": leased.id, "waybill-code": "TEST" });
  expect(said).not.toHaveProperty("waybill-reason");
});

describe("a delay longer than SQS allows", () => {
  test("is made of copies that know when the job is due and do not change its counts", async () => {
    const prefix = freshPrefix();
    const backend = await open(emulator.endpoint, { prefix, queues: ["default"] });
    const due = Date.now() + 3_000;
    // As after a delay of 900 s of a job that is due 3 s later.
    await sendByHand(`${prefix}-default`, "{}", {
      "waybill-id": "sleeper",
      "waybill-type": "test.job",
      "waybill-delivery": `attempt=3 lost=1 releases=2 due=${due}`,
    });
    const leased = await one(lease(backend, { waitMs: 8_000 }));
    expect(Date.now()).toBeGreaterThanOrEqual(due);
    expect(leased).toMatchObject({ id: "sleeper", attempt: 3, lost: 1, releases: 2, dueAt: due });
  });

  test("is requested in parts of at most 900 s", async () => {
    const proxy = await startFaultProxy(emulator.endpoint);
    const backend = await open(proxy.url, { credentials });
    await backend.enqueue([message()]);
    const leased = await one(lease(backend, { waitMs: 2_000 }));
    const before = Date.now();
    await backend.retry(leased, { delayMs: 30 * 86_400_000, countsAttempt: true });
    const copy = proxy.calls.findLast(({ action }) => action === "SendMessageBatch")?.input.Entries?.[0];
    expect(copy).toMatchObject({ DelaySeconds: 900 });
    const due = /due=(\d+)/.exec(JSON.stringify(copy))?.[1];
    expect(Number(due) - before - 30 * 86_400_000).toBeLessThan(1_000);
    await backend.close();
    await proxy.close();
  });
});

describe("on a FIFO queue", () => {
  test("a group's jobs are delivered one at a time and in order, a failed one before the next", async () => {
    const backend = await open(emulator.endpoint, { fifo: true });
    const sent = [message({ tenant: "acme" }), message({ tenant: "acme" }), message({ tenant: "acme" })];
    await backend.enqueue(sent);
    const first = await one(lease(backend, { limit: 10, waitMs: 2_000 }));
    expect(await lease(backend, { limit: 10 })).toEqual([]);
    await backend.retry(first, { delayMs: 1_000, countsAttempt: true });
    expect(await lease(backend, { limit: 10 })).toEqual([]);
    const order: string[] = [];
    while (order.length < 3) {
      const next = await one(lease(backend, { limit: 10, waitMs: 3_000 }));
      order.push(next.id);
      await backend.ack([next]);
    }
    expect(order).toEqual(sent.map(({ id }) => id));
  });

  test("every receive requests one message", async () => {
    const proxy = await startFaultProxy(emulator.endpoint);
    const backend = await open(proxy.url, { credentials, fifo: true });
    await backend.enqueue(Array.from({ length: 6 }, () => message()));
    const found = new Set<string>();
    while (found.size < 6) for (const { id } of await lease(backend, { limit: 6, waitMs: 2_000 })) found.add(id);
    const asked = proxy.calls.filter(({ action }) => action === "ReceiveMessage");
    expect(asked.every(({ input }) => input["MaxNumberOfMessages"] === 1)).toBe(true);
    await backend.close();
    await proxy.close();
  });

  test("a delayed job waits hidden, which is not an attempt", async () => {
    const backend = await open(emulator.endpoint, { fifo: true });
    await backend.enqueue([message({ delayMs: 2_500 })]);
    const before = performance.now();
    const leased = await one(lease(backend, { waitMs: 8_000 }));
    expect(performance.now() - before).toBeGreaterThan(2_400);
    expect(leased).toMatchObject({ attempt: 1, lost: 0, releases: 0 });
    await backend.retry(leased, { delayMs: 0, countsAttempt: true });
    expect(await one(lease(backend, { waitMs: 2_000 }))).toMatchObject({ attempt: 2 });
  });

  test("no message has a delay, and each has an id by which SQS drops duplicates", async () => {
    const proxy = await startFaultProxy(emulator.endpoint);
    const backend = await open(proxy.url, { credentials, fifo: true });
    const sent = message({ delayMs: 60_000, tenant: "acme" });
    await backend.enqueue([sent]);
    const entry = proxy.calls.find(({ action }) => action === "SendMessageBatch")?.input.Entries?.[0];
    expect(entry).toMatchObject({ MessageGroupId: "acme", MessageDeduplicationId: sent.id });
    expect(entry).not.toHaveProperty("DelaySeconds");
    await backend.close();
    await proxy.close();
  });
});

test("a foreign job that is due after the retention of a FIFO queue is dead-lettered", async () => {
  const prefix = freshPrefix();
  const jobs = await connect(sqsBackend({ region, endpoint: emulator.endpoint, prefix, fifo: true }), { log: "off" });
  const job = defineJob({ type: "test.far", handler: () => undefined });
  const far = (days: number): Promise<unknown> => jobs.enqueue(job, {}, { delay: `${days}d` });
  await far(13);
  await expect(far(14)).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  const at = new Date(Date.now() + 20 * 86_400_000).toISOString();
  const id = newId();
  await emulator.client.send(
    new SendMessageCommand({
      QueueUrl: await urlOf(`${prefix}-default.fifo`),
      MessageBody: JSON.stringify({ spec: "waybill/1", id, type: "test.far", args: [], scheduled_at: at }),
      MessageGroupId: id,
      MessageDeduplicationId: id,
    }),
  );
  await jobs.worker({ jobs: [job] }).start();
  const letters = async () => (await jobs.inspector?.deadLetters())?.map(({ reason }) => reason.code);
  await expect.poll(letters, { timeout: 15_000 }).toEqual(["NEED_UNSUPPORTED"]);
  await jobs.close();
});
