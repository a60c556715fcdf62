import {
  GetQueueUrlCommand,
  ListQueuesCommand,
  type MessageAttributeValue,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { connect, defineJob } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { type OddValues, oddValues } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { sqsBackend } from "../../src/index.ts";
import { credentials, freshPrefix, region, useEmulator } from "../fixture.ts";

const emulator = useEmulator();
const COUNT = 60;
const NAMES = ["id", "type", "tenant", "delivery", "encoding", "queue", "code", "reason"].map(
  (name) => `waybill-${name}`,
);

/** SQS refuses empty values, and characters that XML does not have. */
const text = (odd: OddValues): string => odd.text().replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/gu, "?") || "?";

function attribute(odd: OddValues): MessageAttributeValue {
  switch (odd.below(5)) {
    case 0:
      return { DataType: "Binary", BinaryValue: Buffer.from("bytes\u00ff", "latin1") };
    case 1:
      return { DataType: "Number", StringValue: String(odd.below(1_000)) };
    case 2:
      return { DataType: "String.custom", StringValue: text(odd) };
    case 3:
      return {
        DataType: "String",
        StringValue: odd.pick(["base64", "attempt=0 lost=-1 releases=x", "=acme", "%zz", "acme"]),
      };
    default:
      return { DataType: "String", StringValue: text(odd) };
  }
}

function attributes(odd: OddValues): Record<string, MessageAttributeValue> {
  const names = Array.from({ length: 1 + odd.below(5) }, () =>
    odd.pick([...NAMES, "webhook-timestamp", "webhook-signature"]),
  );
  return Object.fromEntries(names.map((name) => [name, attribute(odd)]));
}

async function connected() {
  const prefix = freshPrefix();
  const factory = sqsBackend({ region, endpoint: emulator.endpoint, credentials, prefix, pollSeconds: 1 });
  const jobs = await connect(factory, { log: "off" });
  onTestFinished(() => jobs.close());
  const urlOf = async (name: string): Promise<string> => {
    const { QueueUrl = "" } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}${name}` }));
    return QueueUrl;
  };
  return { prefix, jobs, urlOf };
}

test("an s3:TestEvent is dead-lettered, and counted by an event, the report and the metrics", async () => {
  const { jobs, urlOf } = await connected();
  const good = defineJob({ type: "good", handler: () => undefined });
  await jobs.enqueue(good, {});
  const metrics = jobMetrics(jobs);
  const rejected = new Promise((resolve) => jobs.events.on("rejected", resolve));
  const MessageBody = JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "photos" });
  await emulator.client.send(new SendMessageCommand({ QueueUrl: await urlOf("-default"), MessageBody }));
  const worker = jobs.worker({ jobs: [good] });
  await worker.start();
  const event = (await rejected) as { readonly id: string };
  expect(event).toMatchObject({ queue: "default", reason: { code: "FIELD_MISSING" }, worker: worker.id });
  const listed = await jobs.inspector?.deadLetters({ ids: [event.id] });
  expect(listed).toMatchObject([{ id: event.id, queue: "default", body: MessageBody }]);
  expect(await metrics.prometheus()).toContain('waybill_dead_total{queue="default",type="",code="FIELD_MISSING"} 1');
  expect(await worker.stop()).toMatchObject({ rejected: 1, dead: 0 });
});

test(`${COUNT} messages and ${COUNT} dead letters with attributes of any type stop no worker, and all dead letters are listed`, async () => {
  const { prefix, jobs, urlOf } = await connected();
  const odd = oddValues(59);
  const [ran, ids]: [string[], string[]] = [[], []];
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const rejections: string[] = [];
  jobs.events.on("rejected", ({ id }) => void rejections.push(id));
  const metrics = jobMetrics(jobs);
  for (let count = 0; count < 10; count += 1) ids.push((await jobs.enqueue(good, { count })).id);
  const [work, dead] = [await urlOf("-default"), await urlOf("_dead")];
  const send = (
    QueueUrl: string,
    MessageBody: string,
    given: Record<string, MessageAttributeValue>,
  ): Promise<unknown> =>
    emulator.client.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes: given }));
  for (let count = 0; count < COUNT; count += 1) {
    const body = odd.pick([
      text(odd),
      odd.garbled('{"spec":"waybill/1"}') || "?",
      Buffer.from([0x7b, 0xff]).toString("base64"),
    ]);
    await send(work, body, attributes(odd));
    const hostile = {
      DataType: "String",
      StringValue: odd.pick(["../../etc", "UPPER", "a b", "x".repeat(90), "mail"]),
    };
    await send(dead, text(odd), { ...attributes(odd), "waybill-queue": hostile });
  }
  const { QueueUrls: before } = await emulator.client.send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
  await jobs.worker({ jobs: [good] }).start();
  await expect.poll(() => rejections.length, { timeout: 20_000 }).toBe(COUNT);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(ids.length);
  expect(ran.toSorted()).toEqual(ids.toSorted());
  const letters = (await jobs.inspector?.deadLetters({ limit: Infinity })) ?? [];
  expect(letters).toHaveLength(2 * COUNT);
  for (const { diedAt, attempt, queue, damage } of letters) {
    expect(() => new Date(diedAt ?? 0).toISOString()).not.toThrow();
    expect(attempt).toBeGreaterThanOrEqual(1);
    expect(queue === "").toBe(damage !== undefined);
  }
  expect((await jobs.inspector?.counts())?.reduce((sum, queue) => sum + queue.dead, 0)).toBe(2 * COUNT);
  expect(await metrics.prometheus()).toContain("waybill_dead_total");
  expect(await jobs.inspector?.replay({ queue: "", limit: Infinity })).toBe(0);
  const { QueueUrls: after } = await emulator.client.send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
  expect(after).toEqual(before);
  const mail = letters.filter(({ queue }) => queue === "mail").length;
  expect(await jobs.inspector?.replay({ queue: "mail", limit: Infinity })).toBe(mail);
  expect(await jobs.inspector?.drop({ limit: Infinity })).toBe(2 * COUNT - mail);
});
