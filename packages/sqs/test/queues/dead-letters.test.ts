import { GetQueueUrlCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { inspectorOf } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import { freshPrefix, lease, message, open, useEmulator } from "../fixture.ts";

const emulator = useEmulator();

describe.each([{ fifo: false }, { fifo: true }])("dead letters (fifo: $fifo)", ({ fifo }) => {
  test("25 of them are replayed in one call, as first attempts, each once", async () => {
    const backend = await open(emulator.endpoint, { fifo });
    const inspector = inspectorOf(backend);
    const sent = Array.from({ length: 25 }, () => message({ tenant: null }));
    await backend.enqueue(sent);
    let dead = 0;
    while (dead < 25) {
      const leases = await lease(backend, { limit: 25, waitMs: 2_000 });
      await Promise.all(leases.map((one) => backend.deadLetter(one, { code: "TEST", message: "once" })));
      dead += leases.length;
    }
    expect(await inspector?.counts()).toMatchObject([{ queue: "default", ready: 0, leased: 0, dead: 25 }]);
    expect(await inspector?.replay()).toBe(25);
    expect(await inspector?.counts()).toMatchObject([{ queue: "default", ready: 25, dead: 0 }]);
    const found = new Map<string, number>();
    while (found.size < 25) {
      for (const { id, attempt } of await lease(backend, { limit: 25, waitMs: 2_000 })) found.set(id, attempt);
    }
    expect([...found.keys()].sort()).toEqual(sent.map(({ id }) => id).sort());
    expect(new Set(found.values())).toEqual(new Set([1]));
  }, 60_000);

  test("a listing leaves them for the next listing, from any process", async () => {
    const prefix = freshPrefix();
    const [one, other] = [
      await open(emulator.endpoint, { prefix, fifo }),
      await open(emulator.endpoint, { prefix, fifo }),
    ];
    await one.enqueue([message({ id: "dead-1", queue: "mail.bulk" })]);
    const [leased] = await lease(one, { queue: "mail.bulk", waitMs: 2_000 });
    if (leased) await one.deadLetter(leased, { code: "TEST", message: "why" });
    for (const backend of [one, other, one]) {
      const letters = await inspectorOf(backend)?.deadLetters();
      expect(letters).toMatchObject([{ id: "dead-1", queue: "mail.bulk", reason: { code: "TEST", message: "why" } }]);
    }
  });
});

test("foreign text that was dead-lettered is replayed unchanged, and dead-lettered again", async () => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix, queues: ["default"] });
  const inspector = inspectorOf(backend);
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-default` }));
  await emulator.client.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
  const deadLetter = async (): Promise<void> => {
    const [leased] = await lease(backend, { waitMs: 1_000 });
    expect(leased).toMatchObject({ type: "", body: "hello", attempt: 1 });
    if (leased?.damage) await backend.deadLetter(leased, leased.damage);
  };
  await deadLetter();
  expect(await inspector?.deadLetters()).toMatchObject([{ queue: "default", body: "hello", type: "" }]);
  expect(await inspector?.replay()).toBe(1);
  await deadLetter();
  expect(await inspector?.deadLetters()).toMatchObject([{ body: "hello", reason: { code: "JSON_SYNTAX" } }]);
  expect(await inspector?.drop()).toBe(1);
  expect(await inspector?.counts()).toEqual([]);
});
