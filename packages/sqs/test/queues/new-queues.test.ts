import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { connect, defineJob } from "@waybill/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sqsBackend } from "../../src/index.ts";
import { type Call, type FaultProxy, type Fault, startFaultProxy } from "../fault-proxy.ts";
import { credentials, freshPrefix, message, open, region, useEmulator } from "../fixture.ts";

const emulator = useEmulator();
/** AWS asks programs to wait a second; some of its servers take longer to know a queue. */
const UNKNOWN_MS = 1_200;

let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startFaultProxy(emulator.endpoint);
});
afterEach(() => proxy.close());

const nameIn = (text: unknown): string => String(text).split(/[/:]/).at(-1) ?? "";

/** As AWS after CreateQueue: refuses each call on a new queue, or with a policy that names it. */
function refuseNewQueues(missing: string): void {
  const createdAt = new Map<string, number>();
  const isNew = (name: string): boolean => performance.now() - (createdAt.get(name) ?? -Infinity) < UNKNOWN_MS;
  proxy.before = ({ action, input }: Call): Fault | null => {
    const { QueueName, QueueUrl, Attributes = {} } = input as Record<string, unknown> & { Attributes?: object };
    if (action === "CreateQueue") {
      const { RedrivePolicy = "{}" } = Attributes as { RedrivePolicy?: string };
      const { deadLetterTargetArn = "" } = JSON.parse(RedrivePolicy) as { deadLetterTargetArn?: string };
      if (isNew(nameIn(deadLetterTargetArn))) {
        const reason = "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.";
        return { status: 400, body: { __type: "com.amazonaws.sqs#InvalidParameterValue", message: reason } };
      }
      createdAt.set(String(QueueName), performance.now());
      return null;
    }
    if (!isNew(nameIn(QueueUrl ?? QueueName))) return null;
    return { status: 400, body: { __type: missing, message: "The specified queue does not exist." } };
  };
}

describe.each(["com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"])(
  "while AWS does not know a new queue yet (%s)",
  (missing) => {
    test("connect, the first enqueue and a worker wait for it", async () => {
      refuseNewQueues(missing);
      const factory = sqsBackend({ region, endpoint: proxy.url, credentials, prefix: freshPrefix(), pollSeconds: 1 });
      const jobs = await connect(factory, { log: "off" });
      const ran: string[] = [];
      const job = defineJob({ type: "test.first", handler: (_, { id }) => void ran.push(id) });
      const other = defineJob({ type: "test.other", queue: "mail", handler() {} });
      await jobs.worker({ jobs: [job] }).start();
      const { id } = await jobs.enqueue(job, {});
      await jobs.enqueue(other, {});
      await expect.poll(() => ran, { timeout: 10_000 }).toEqual([id]);
      await jobs.close();
    });
  },
);

test("calls on a deleted queue reject within seconds", async () => {
  const backend = await open(proxy.url, { credentials });
  expect((await backend.enqueue([message()]))[0]).toMatchObject({ ok: true });
  proxy.before = ({ action }) =>
    action.startsWith("SendMessage")
      ? { status: 400, body: { __type: "com.amazonaws.sqs#QueueDoesNotExist", message: "no" } }
      : null;
  const began = performance.now();
  const [result] = await backend.enqueue([message()]);
  expect(result).toMatchObject({ ok: false, error: { message: expect.stringContaining("does not exist any more") } });
  expect(performance.now() - began).toBeLessThan(8_000);
  await backend.close();
});

test("the name of a queue that was deleted within a minute is refused with the reason, and the next use tries again", async () => {
  const prefix = freshPrefix();
  let refusals = 1;
  proxy.before = ({ action, input }) =>
    action === "CreateQueue" && String(input["QueueName"]).endsWith("-default") && refusals-- > 0
      ? { status: 400, body: { __type: "com.amazonaws.sqs#QueueDeletedRecently", message: "wait 60 seconds" } }
      : null;
  const backend = await open(proxy.url, { credentials, prefix });
  const [refused] = await backend.enqueue([message()]);
  expect(refused).toMatchObject({ ok: false, error: { code: "BACKEND_UNAVAILABLE" } });
  expect(refused?.ok === false && refused.error.message).toContain("deleted less than 60 seconds ago");
  expect((await backend.enqueue([message()]))[0]).toMatchObject({ ok: true });
  await backend.close();
});

test("a queue that another program creates at the same time, with other attributes, is used as it is", async () => {
  const prefix = freshPrefix();
  proxy.before = async ({ action, input }) => {
    if (action !== "CreateQueue" || !String(input["QueueName"]).endsWith("-default")) return null;
    await emulator.client.send(new CreateQueueCommand({ QueueName: `${prefix}-default` }));
    return { status: 400, body: { __type: "com.amazonaws.sqs#QueueNameExists", message: "other attributes" } };
  };
  const backend = await open(proxy.url, { credentials, prefix });
  expect((await backend.enqueue([message()]))[0]).toMatchObject({ ok: true });
  await backend.close();
});
