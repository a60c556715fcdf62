import { GetQueueUrlCommand, ReceiveMessageCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Message } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import { fifoCapabilities, standardCapabilities } from "../src/index.ts";
import { freshPrefix, lease, message, open, useEmulator } from "./fixture.ts";

const emulator = useEmulator();

/** Enqueues a message under a new prefix. Returns "stored", or why it was refused. */
async function enqueueOne(part: Partial<Message>, options: { fifo?: boolean } = {}): Promise<string> {
  const backend = await open(emulator.endpoint, options);
  const [result] = await backend.enqueue([message(part)]);
  if (result?.ok) return "stored";
  expect(result?.error.code).toBe("CAPABILITY_MISSING");
  expect(await lease(backend)).toEqual([]);
  return result?.error.message ?? "";
}

describe("R19, R25: refused before the call, although the emulator would accept it", () => {
  test("a delay of 901 s", async () => {
    expect(await enqueueOne({ delayMs: 901_000 })).toContain("allows 900000 ms");
    expect(await enqueueOne({ delayMs: 900_000 })).toBe("stored");
  });

  test("a message larger than the queue's MaximumMessageSize, attributes included and counted in bytes", async () => {
    const prefix = freshPrefix();
    const first = await open(emulator.endpoint, { prefix, queues: ["default"] });
    const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-default` }));
    await emulator.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { MaximumMessageSize: "2048" } }));
    await first.close();
    const backend = await open(emulator.endpoint, { prefix });
    const [fits, over] = [message({ body: "é".repeat(900) }), message({ body: "é".repeat(1_020) })];
    const [stored, refused] = await backend.enqueue([fits, over]);
    expect(stored?.ok).toBe(true);
    expect(refused).toMatchObject({ ok: false, error: { code: "CAPABILITY_MISSING" } });
    expect(refused?.ok === false && refused.error.message).toContain("MaximumMessageSize");
  });

  test("a queue's name that is too long for SQS", async () => {
    expect(await enqueueOne({ queue: "q".repeat(63) })).toBe("stored");
    const backend = await open(emulator.endpoint, { prefix: "p".repeat(30) });
    const [result] = await backend.enqueue([message({ queue: "q".repeat(63) })]);
    expect(result).toMatchObject({ ok: false, error: { code: "CONFIG_INVALID" } });
    expect(result?.ok === false && result.error.message).toContain("94 characters of at most 80");
  });

  test("a lease of more than 12 hours, all extensions together", async () => {
    const backend = await open(emulator.endpoint);
    const { maxLeaseMs } = backend.capabilities;
    await backend.enqueue([message()]);
    const [leased] = await lease(backend, { waitMs: 2_000 });
    const half = maxLeaseMs / 2;
    expect(leased).toBeDefined();
    if (leased === undefined) return;
    expect((await backend.extend([leased], half))[0]).toMatchObject({ ok: true });
    const [result] = await backend.extend([leased], maxLeaseMs);
    expect(result).toMatchObject({ ok: false, error: { code: "CAPABILITY_MISSING" } });
    expect(maxLeaseMs).toBeLessThan(43_200_000);
  });

  test("a delay on a FIFO queue that is longer than its retention allows", async () => {
    const prefix = freshPrefix();
    const first = await open(emulator.endpoint, { prefix, fifo: true, queues: ["default"] });
    const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-default.fifo` }));
    const Attributes = { MessageRetentionPeriod: "345600" };
    await emulator.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    await first.close();
    const backend = await open(emulator.endpoint, { prefix, fifo: true });
    const wait = (days: number): Message => message({ delayMs: days * 86_400_000 });
    const [three, four] = await backend.enqueue([wait(3), wait(4)]);
    expect(three?.ok).toBe(true);
    expect(four?.ok === false && four.error.message).toContain("MessageRetentionPeriod");
    expect(await enqueueOne({ delayMs: 14 * 86_400_000 }, { fifo: true })).toContain("ask for less");
  });
});

describe("R19: characters that SQS refuses", () => {
  test.each([
    ["control characters", "\u0000\u0001\u001F"],
    ["the last two of the Basic Multilingual Plane", "\uFFFE\uFFFF"],
    ["characters beyond it, which copies of SQS refuse and AWS accepts", "\u{1F4F7}\u{10FFFF}"],
    ["an empty body", ""],
  ])("%s travel as base64 and arrive unchanged", async (_, body) => {
    const prefix = freshPrefix();
    const backend = await open(emulator.endpoint, { prefix });
    await backend.enqueue([message({ body })]);
    const [leased] = await lease(backend, { waitMs: 2_000 });
    expect(leased?.body).toBe(body);
    if (leased) await backend.retry(leased, { delayMs: 0, countsAttempt: true });
    expect((await lease(backend, { waitMs: 2_000 }))[0]).toMatchObject({ body, attempt: 2 });
  });

  test("in ids, types and tenants arrive unchanged as well", async () => {
    const backend = await open(emulator.endpoint);
    const sent = message({ id: "job 1/ü", type: "té.st", tenant: "acme \u{1F4F7}\u0001" });
    await backend.enqueue([sent]);
    const { id, type, tenant } = sent;
    expect((await lease(backend, { waitMs: 2_000 }))[0]).toMatchObject({ id, type, tenant });
  });

  test("half a surrogate pair is refused", async () => {
    expect(await enqueueOne({ body: '"\uD83D"' })).toContain("surrogate");
  });
});

test("R19: a batch over 1 MiB is sent in several requests", async () => {
  const backend = await open(emulator.endpoint);
  const body = "x".repeat(400_000);
  const results = await backend.enqueue([message({ body }), message({ body }), message({ body })]);
  expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
  const found = new Set<string>();
  while (found.size < 3) for (const { id } of await lease(backend, { limit: 3, waitMs: 2_000 })) found.add(id);
});

test("a body of `maxBodyBytes` fits into a message, in base64 and with every attribute at its longest", async () => {
  const { maxBodyBytes } = standardCapabilities;
  const attributes = { a: "x".repeat(200), b: "x".repeat(200), c: "x".repeat(200) };
  const backend = await open(emulator.endpoint, { attributes });
  const long = { tenant: "\u{1F4F7}".repeat(128), type: "t".repeat(128), delayMs: 1_000 };
  const signature = { timestamp: 1_790_000_000, value: `v1,${"x".repeat(500)}` };
  const body = `\u0000${"x".repeat(maxBodyBytes - 1)}`;
  const [result] = await backend.enqueue([message({ body, ...long, signature })]);
  expect(result).toMatchObject({ ok: true });
});

test("R19: on FIFO queues a run and the wait after it stay within 12 hours of visibility", () => {
  const { maxLeaseMs, maxRetryDelayMs } = fifoCapabilities;
  expect(maxLeaseMs + maxRetryDelayMs + 2_000).toBeLessThan(43_200_000);
});

test("a message and its dead letter have at most 10 attributes", async () => {
  const prefix = freshPrefix();
  const attributes = { a: "1", b: "2", c: "3" };
  const backend = await open(emulator.endpoint, { prefix, attributes });
  const signature = { timestamp: 1_790_000_000, value: "v1,c2lnbmF0dXJl" };
  await backend.enqueue([message({ tenant: "acme", signature, body: "\u0001" })]);
  const [leased] = await lease(backend, { waitMs: 2_000 });
  if (leased) await backend.retry(leased, { delayMs: 0, countsAttempt: true });
  const [again] = await lease(backend, { waitMs: 2_000 });
  if (again) await backend.deadLetter(again, { code: "TEST", message: "enough" });
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}_dead` }));
  const { Messages = [] } = await emulator.client.send(
    new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }),
  );
  const names = Object.keys(Messages[0]?.MessageAttributes ?? {});
  expect(names).toHaveLength(10);
  expect(names).toContain("waybill-encoding");
  expect(names.every((name) => /^[A-Za-z0-9-]+$/.test(name))).toBe(true);
});
