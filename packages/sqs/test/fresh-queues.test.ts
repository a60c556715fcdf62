import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { connect, defineJob } from "@waybill/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sqsBackend } from "../src/index.ts";
import { type Call, type FaultProxy, type Fault, startFaultProxy } from "./fault-proxy.ts";
import { credentials, freshPrefix, message, open, region, useEmulator } from "./fresh.ts";

const emulator = useEmulator();
/** AWS asks for a second; some of its servers take a little longer to know. */
const UNKNOWN_MS = 1_200;

let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startFaultProxy(emulator.endpoint);
});
afterEach(() => proxy.close());

const nameIn = (text: unknown): string => String(text).split(/[/:]/).at(-1) ?? "";

/** AWS after CreateQueue: for a while each call on the queue, or with a policy that names it, is refused. */
function refuseNewQueues(missing: string): void {
  const madeAt = new Map<string, number>();
  const isNew = (name: string): boolean => performance.now() - (madeAt.get(name) ?? -Infinity) < UNKNOWN_MS;
  proxy.before = ({ action, input }: Call): Fault | null => {
    const { QueueName, QueueUrl, Attributes = {} } = input as Record<string, unknown> & { Attributes?: object };
    if (action === "CreateQueue") {
      const { RedrivePolicy = "{}" } = Attributes as { RedrivePolicy?: string };
      const { deadLetterTargetArn = "" } = JSON.parse(RedrivePolicy) as { deadLetterTargetArn?: string };
      if (isNew(nameIn(deadLetterTargetArn))) {
        const reason = "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.";
        return { status: 400, body: { __type: "com.amazonaws.sqs#InvalidParameterValue", message: reason } };
      }
      madeAt.set(String(QueueName), performance.now());
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

test("a queue that is really gone is told within seconds, and by name", async () => {
  const backend = await open(proxy.url, { credentials });
  expect((await backend.enqueue([message()]))[0]).toMatchObject({ ok: true });
  proxy.before = ({ action }) =>
    action.startsWith("SendMessage")
      ? { status: 400, body: { __type: "com.amazonaws.sqs#QueueDoesNotExist", message: "no" } }
      : null;
  const began = performance.now();
  const [answer] = await backend.enqueue([message()]);
  expect(answer).toMatchObject({ ok: false, error: { message: expect.stringContaining("the queue is gone") } });
  expect(performance.now() - began).toBeLessThan(8_000);
  await backend.close();
});

test("a name that was deleted within the last minute is said to be taken again after it, and is tried again", async () => {
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

test("a queue that somebody else makes in the same moment, with other attributes, is taken as it is", async () => {
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
