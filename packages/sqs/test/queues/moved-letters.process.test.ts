import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { connect, defineJob } from "@waybill/core";
import { inspectorOf } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import { sqsBackend } from "../../src/index.ts";
import { startFaultProxy } from "../fault-proxy.ts";
import { credentials, emulators, freshPrefix, lease, message, open, region, useEmulator } from "../fixture.ts";

const stuck = defineJob({ type: "test.stuck", queue: "mail.bulk", handler() {} });

// SQS dead-letters a message that was received too often. The attributes that it adds differ between copies of SQS.
describe.each(emulators)("dead letters that SQS moved, on $copy", ({ start }) => {
  const emulator = useEmulator(start);

  const urlOf = async (QueueName: string): Promise<string | undefined> =>
    (await emulator.client.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl;

  /** Makes SQS move the messages of `from` after one delivery, and receives until it has. */
  async function moved(from: string, dead: string): Promise<void> {
    const [QueueUrl, deadUrl] = [await urlOf(from), await urlOf(dead)];
    const AttributeNames = ["QueueArn" as const, "ApproximateNumberOfMessages" as const];
    const look = async (): Promise<Record<string, string>> =>
      (await emulator.client.send(new GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames }))).Attributes ??
      {};
    const policy = { deadLetterTargetArn: (await look())["QueueArn"], maxReceiveCount: 1 };
    const Attributes = { RedrivePolicy: JSON.stringify(policy) };
    await emulator.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    const receive = async (): Promise<unknown> => {
      await emulator.client.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
      return (await look())["ApproximateNumberOfMessages"];
    };
    await expect.poll(receive, { timeout: 20_000, interval: 200 }).toBe("1");
  }

  test("are listed with their queue and without `diedAt`, and can be replayed", async () => {
    const prefix = freshPrefix();
    const factory = sqsBackend({ region, endpoint: emulator.endpoint, prefix, pollSeconds: 1, queues: ["mail.bulk"] });
    const jobs = await connect(factory, { log: "off" });
    const { id } = await jobs.enqueue(stuck, {});
    await moved(`${prefix}-mail_bulk`, `${prefix}_dead`);
    const letters = await jobs.inspector?.deadLetters({ queue: "mail.bulk" });
    expect(letters).toMatchObject([
      { id, type: "test.stuck", queue: "mail.bulk", diedAt: null, reason: { code: "WORKER_LOST" } },
    ]);
    expect(await jobs.inspector?.counts()).toMatchObject([{ queue: "mail.bulk", dead: 1 }]);
    expect(await jobs.inspector?.replay({ ids: [id] })).toBe(1);
    expect(await jobs.inspector?.deadLetters()).toEqual([]);
    await jobs.close();
  }, 60_000);

  test("that name no queue are counted and listed with `damage`, and a replay leaves them", async () => {
    const prefix = freshPrefix();
    const backend = await open(emulator.endpoint, { prefix, queues: ["default"] });
    const inspector = inspectorOf(backend);
    const dead = await urlOf(`${prefix}_dead`);
    for (const MessageBody of ["hello", "there"]) {
      await emulator.client.send(new SendMessageCommand({ QueueUrl: dead, MessageBody }));
    }
    await emulator.client.send(
      new SendMessageCommand({ QueueUrl: dead, MessageBody: JSON.stringify({ id: "known", queue: "default" }) }),
    );
    expect(await inspector?.counts()).toMatchObject([
      { queue: "", dead: 2 },
      { queue: "default", dead: 1 },
    ]);
    expect(await inspector?.replay()).toBe(1);
    expect(await inspector?.deadLetters()).toMatchObject([
      { queue: "", diedAt: null, damage: expect.stringContaining("none is named") },
      { queue: "", diedAt: null, damage: expect.stringContaining("none is named") },
    ]);
    expect(await lease(backend, { waitMs: 2_000 })).toMatchObject([{ id: "known", attempt: 1 }]);
    expect(await inspector?.drop()).toBe(2);
  }, 60_000);
});

describe("replay and drop reject with how many letters failed and why", () => {
  const emulator = useEmulator();

  test.each([
    { action: "SendMessageBatch", what: "replay" },
    { action: "DeleteMessageBatch", what: "replay" },
    { action: "DeleteMessageBatch", what: "drop" },
  ] as const)("$what, when SQS refuses $action", async ({ action, what }) => {
    const proxy = await startFaultProxy(emulator.endpoint);
    const backend = await open(proxy.url, { credentials });
    await backend.enqueue([message({ id: "one" })]);
    const [leased] = await lease(backend, { waitMs: 2_000 });
    if (leased) await backend.deadLetter(leased, { code: "TEST", message: "why" });
    proxy.before = (call) =>
      call.action === action
        ? { status: 403, body: { __type: "com.amazonaws.sqs#AccessDeniedException", message: "no" } }
        : null;
    await expect(inspectorOf(backend)?.[what]()).rejects.toThrow(
      new RegExp(`^0 dead letters were ${what === "drop" ? "dropp" : "replay"}ed, 1 were not: .*check the credentials`),
    );
    proxy.before = () => null;
    expect(await inspectorOf(backend)?.deadLetters()).toMatchObject([{ id: "one" }]);
    await backend.close();
    await proxy.close();
  });

  test("letters of a queue that is missing and may not be created stay, and the others are replayed", async () => {
    const prefix = freshPrefix();
    for (const name of [`${prefix}_dead`, `${prefix}-default`]) {
      await emulator.client.send(new CreateQueueCommand({ QueueName: name }));
    }
    const backend = await open(emulator.endpoint, { prefix, create: false });
    const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}_dead` }));
    for (const queue of ["gone", "default"]) {
      await emulator.client.send(
        new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ id: queue, queue }) }),
      );
    }
    await expect(inspectorOf(backend)?.replay()).rejects.toThrow(/^1 dead letters were replayed, 1 were not: .*-gone"/);
    expect(await lease(backend, { waitMs: 2_000 })).toMatchObject([{ id: "default" }]);
    expect(await inspectorOf(backend)?.deadLetters()).toMatchObject([{ id: "gone" }]);
  });
});
