import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type SendMessageBatchCommandInput,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { groupOf } from "../src/message/label.ts";
import { credentials, freshPrefix, message, open, region, useEmulator } from "./fixture.ts";

interface Send {
  readonly prefix: string;
  readonly queue: string;
  readonly fifo: boolean;
  readonly id: string;
  readonly tenant: string | null;
}

interface Sent {
  readonly queue: string;
  readonly dead: string;
  readonly group: string | null;
  readonly deduplication_id: string | null;
}

const spec = new URL("../../../spec/1.0/", import.meta.url);
const cases = JSON.parse(readFileSync(new URL("vectors/bindings/sqs/send.json", spec), "utf8")) as {
  readonly name: string;
  readonly input: Send;
  readonly expect: Sent;
}[];

const emulator = useEmulator();

async function attributesOf(QueueName: string) {
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName }));
  const { Attributes = {} } = await emulator.client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  return { QueueUrl, Attributes };
}

describe("messages are sent as the page says", () => {
  test.each(cases)("$name", async ({ input, expect: wanted }) => {
    const { queue, fifo, id, tenant } = input;
    const prefix = freshPrefix();
    const named = (name: string): string => name.replace(input.prefix, prefix);
    const client = new SQSClient({ region, credentials, endpoint: emulator.endpoint });
    // Not every copy of SQS returns the group of a message on a standard queue.
    const sent: SendMessageBatchCommandInput[] = [];
    client.middlewareStack.add((next, { commandName }) => async (args) => {
      if (commandName === "SendMessageBatchCommand") sent.push(args.input as SendMessageBatchCommandInput);
      return next(args);
    });
    const backend = await open(emulator.endpoint, { prefix, fifo, client, create: true });
    const [result] = await backend.enqueue([message({ id, tenant, queue })]);
    expect(result?.ok).toBe(true);
    await backend.close();
    client.destroy();
    const [{ QueueUrl, Entries: [entry] = [] } = {}] = sent;
    const { MessageGroupId: group = null, MessageDeduplicationId: deduplication_id = null } = entry ?? {};
    expect({ group, deduplication_id }).toEqual({ group: wanted.group, deduplication_id: wanted.deduplication_id });
    expect(QueueUrl).toBe((await attributesOf(named(wanted.queue))).QueueUrl);
    expect((await attributesOf(named(wanted.dead))).QueueUrl).toMatch(/^http/);
  });
});

test.each([false, true])("a created queue has the attributes of the page (FIFO: %s) and no others", async (fifo) => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix, fifo, queues: ["default"] });
  const end = fifo ? ".fifo" : "";
  const { Attributes } = await attributesOf(`${prefix}-default${end}`);
  const dead = await attributesOf(`${prefix}_dead${end}`);
  await backend.close();
  expect([Attributes["MessageRetentionPeriod"], dead.Attributes["MessageRetentionPeriod"]]).toEqual([
    "1209600",
    "1209600",
  ]);
  expect(JSON.parse(Attributes["RedrivePolicy"] ?? "{}")).toMatchObject({
    deadLetterTargetArn: dead.Attributes["QueueArn"],
    maxReceiveCount: expect.toSatisfy((count: unknown) => Number(count) === 1_000),
  });
  expect(dead.Attributes["RedrivePolicy"]).toBeUndefined();
  const { FifoQueue, DeduplicationScope, FifoThroughputLimit, ContentBasedDeduplication = "false" } = Attributes;
  const made = { FifoQueue, DeduplicationScope, FifoThroughputLimit, ContentBasedDeduplication };
  const wanted = { FifoQueue: "true", DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" };
  expect(made).toEqual(
    fifo ? { ...wanted, ContentBasedDeduplication: "false" } : { ContentBasedDeduplication: "false" },
  );
});

test("the page's group in Python is waybill's", (context) => {
  if (spawnSync("python3", ["--version"]).status !== 0) return context.skip("python3 is not on this machine");
  const page = readFileSync(new URL("bindings/sqs.md", spec), "utf8");
  const code = page.split("```python\n")[1]?.split("```")[0] ?? "";
  const tenants = cases.flatMap(({ input }) => (input.tenant === null ? [] : [input.tenant]));
  const asked = `${code}\nimport json, sys\nprint(json.dumps([group(one, "x") for one in json.load(sys.stdin)]))`;
  const { stdout, stderr } = spawnSync("python3", ["-c", asked], { input: JSON.stringify(tenants), encoding: "utf8" });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual(tenants.map((tenant) => groupOf({ id: "x", tenant })));
  return undefined;
});
