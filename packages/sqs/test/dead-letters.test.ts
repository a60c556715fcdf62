import { GetQueueUrlCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { inspectorOf } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import { freshPrefix, lease, message, open, useEmulator } from "./fresh.ts";

const emulator = useEmulator();

describe.each([{ fifo: false }, { fifo: true }])("dead letters (fifo: $fifo)", ({ fifo }) => {
  test("25 of them come back in one replay, as first attempts, each once", async () => {
    const backend = await open(emulator.endpoint, { fifo });
    const inspector = inspectorOf(backend);
    const sent = Array.from({ length: 25 }, () => message({ tenant: null }));
    await backend.enqueue(sent);
    let buried = 0;
    while (buried < 25) {
      const held = await lease(backend, { limit: 25, waitMs: 2_000 });
      await Promise.all(held.map((one) => backend.deadLetter(one, { code: "TEST", message: "once" })));
      buried += held.length;
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

  test("a look leaves them where they are, for the next look and from anywhere", async () => {
    const prefix = freshPrefix();
    const [one, other] = [
      await open(emulator.endpoint, { prefix, fifo }),
      await open(emulator.endpoint, { prefix, fifo }),
    ];
    await one.enqueue([message({ id: "dead-1", queue: "mail.bulk" })]);
    const [held] = await lease(one, { queue: "mail.bulk", waitMs: 2_000 });
    if (held) await one.deadLetter(held, { code: "TEST", message: "why" });
    for (const backend of [one, other, one]) {
      const letters = await inspectorOf(backend)?.deadLetters();
      expect(letters).toMatchObject([{ id: "dead-1", queue: "mail.bulk", reason: { code: "TEST", message: "why" } }]);
    }
  });
});

test("foreign text that was kept is replayed as it was, and kept again", async () => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix, queues: ["default"] });
  const inspector = inspectorOf(backend);
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-default` }));
  await emulator.client.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
  const bury = async (): Promise<void> => {
    const [held] = await lease(backend, { waitMs: 1_000 });
    expect(held).toMatchObject({ type: "", body: "hello", attempt: 1 });
    if (held?.damage) await backend.deadLetter(held, held.damage);
  };
  await bury();
  expect(await inspector?.deadLetters()).toMatchObject([{ queue: "default", body: "hello", type: "" }]);
  expect(await inspector?.replay()).toBe(1);
  await bury();
  expect(await inspector?.deadLetters()).toMatchObject([{ body: "hello", reason: { code: "JSON_SYNTAX" } }]);
  expect(await inspector?.drop()).toBe(1);
  expect(await inspector?.counts()).toEqual([]);
});
