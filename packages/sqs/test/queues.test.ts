import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
} from "@aws-sdk/client-sqs";
import type { Lease } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { context, credentials, freshPrefix, lease, message, isFirstCopy, open, region, useEmulator } from "./fresh.ts";
import { startFaultProxy } from "./fault-proxy.ts";
import { sqsBackend, type SqsOptions } from "../src/index.ts";

const emulator = useEmulator();

async function make(name: string, attributes: Record<string, string> = {}): Promise<void> {
  await emulator.client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
}

/** A policy that names `target` beside `made`, whose account each copy of SQS invents. */
async function redrive(made: string, maxReceiveCount: number, target = made): Promise<Record<string, string>> {
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: made }));
  const { Attributes } = await emulator.client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
  );
  const deadLetterTargetArn = Attributes?.["QueueArn"]?.replace(/[^:]+$/, target);
  return { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) };
}

async function queuesOf(prefix: string): Promise<string[]> {
  const { QueueUrls = [] } = await emulator.client.send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
  return QueueUrls.map((url) => url.split("/").at(-1) ?? "").sort();
}

/** Opens without leave to make queues. */
const find = (prefix: string, options: Partial<SqsOptions> = {}): Promise<unknown> =>
  open(emulator.endpoint, { prefix, create: false, queues: ["default"], ...options });

test("a delay that somebody gave the queue delays neither a job nor its retry", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead`);
  await make(`${prefix}-default`, { DelaySeconds: "900", ...(await redrive(`${prefix}_dead`, 1_000)) });
  const backend = await open(emulator.endpoint, { prefix, create: false, queues: ["default"] });
  await backend.enqueue([message({ id: "job-now" })]);
  const [first] = await lease(backend, { waitMs: 10_000 });
  expect(first).toMatchObject({ id: "job-now", attempt: 1 });
  await backend.retry(first as Lease, { delayMs: 0, countsAttempt: true });
  expect(await lease(backend, { waitMs: 10_000 })).toMatchObject([{ id: "job-now", attempt: 2 }]);
});

test("where waybill may make queues, a dead-letter queue comes first and every queue names it", async () => {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix, queues: ["default"] });
  await backend.enqueue([message({ queue: "mail.bulk" })]);
  expect(await queuesOf(prefix)).toEqual([`${prefix}-default`, `${prefix}-mail_bulk`, `${prefix}_dead`]);
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-mail_bulk` }));
  const { Attributes } = await emulator.client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  expect(Attributes).toMatchObject({ MessageRetentionPeriod: "1209600" });
  const { RedrivePolicy = "" } = await redrive(`${prefix}_dead`, 1_000);
  expect(JSON.parse(Attributes?.["RedrivePolicy"] ?? "")).toEqual(JSON.parse(RedrivePolicy));
});

test("FIFO queues are made for many groups side by side", async () => {
  const prefix = freshPrefix();
  await open(emulator.endpoint, { prefix, fifo: true, queues: ["default"] });
  expect(await queuesOf(prefix)).toEqual([`${prefix}-default.fifo`, `${prefix}_dead.fifo`]);
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-default.fifo` }));
  const { Attributes } = await emulator.client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  expect(Attributes).toMatchObject({ FifoThroughputLimit: "perMessageGroupId", DeduplicationScope: "messageGroup" });
});

test("where it may not, a missing queue is an error that names it and the way out, and nothing is made", async () => {
  const prefix = freshPrefix();
  await expect(find(prefix)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(find(prefix)).rejects.toThrow(`no queue "${prefix}_dead" in this account and region; make it`);
  await make(`${prefix}_dead`);
  await expect(find(prefix)).rejects.toThrow(`no queue "${prefix}-default"`);
  const backend = await open(emulator.endpoint, { prefix, create: false });
  await make(`${prefix}-default`);
  const answers = await backend.enqueue([message({ queue: "missing" }), message()]);
  expect(answers[0]).toMatchObject({ ok: false, error: { code: "CONFIG_INVALID" } });
  expect(answers[1]).toMatchObject({ ok: true });
  await expect(lease(backend, { queue: "missing" })).rejects.toThrow("create=true");
  expect(await queuesOf(prefix)).toEqual([`${prefix}-default`, `${prefix}_dead`]);
});

test("a queue of the other type is named as what it is", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead.fifo`, { FifoQueue: "true" });
  await make(`${prefix}-default.fifo`, { FifoQueue: "true" });
  await expect(find(prefix)).rejects.toThrow("say fifo=true");
  const other = freshPrefix();
  await make(`${other}_dead`);
  await expect(find(other, { fifo: true })).rejects.toThrow("remove fifo=true");
});

test("a queue whose redrive gives up before 100 deliveries is refused when the program starts", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead`);
  await make(`${prefix}-default`, await redrive(`${prefix}_dead`, 10));
  await make(`${prefix}-fine`, await redrive(`${prefix}_dead`, 100));
  await expect(find(prefix)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(find(prefix)).rejects.toThrow("gives a message up after 10 deliveries");
  await find(prefix, { queues: ["fine"] });
});

test("R25: a redrive into a queue that does not exist is refused, by SQS or by us", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead`);
  const policy = await redrive(`${prefix}_dead`, 500, "nowhere");
  const refused = await make(`${prefix}-default`, policy).catch((thrown: unknown) => thrown);
  if (refused !== undefined) expect(String(refused)).toContain("nowhere");
  else await expect(find(prefix)).rejects.toThrow('names a queue that does not exist, "nowhere"');
});

test("a queue that was missing is found once it is there: a failure is not remembered", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead`);
  const backend = await open(emulator.endpoint, { prefix, create: false });
  expect((await backend.enqueue([message()]))[0]?.ok).toBe(false);
  await make(`${prefix}-default`);
  expect((await backend.enqueue([message()]))[0]?.ok).toBe(true);
});

test.each([
  { status: 403, __type: "com.amazonaws.sqs#AccessDeniedException" },
  { status: 403, __type: "com.amazon.coral.service#InvalidClientTokenId" },
  { status: 400, __type: "com.amazonaws.sqs#AWS.SimpleQueueService.AccessDenied" },
])("wrong credentials ($__type) end the start with a clear error", async ({ status, __type }) => {
  const proxy = await startFaultProxy(emulator.endpoint);
  proxy.before = () => ({ status, body: { __type, message: "The security token is invalid" } });
  const opening = sqsBackend({ region, endpoint: proxy.url, credentials, prefix: freshPrefix() })(context);
  await expect(opening).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(opening).rejects.toThrow("check the credentials");
  await proxy.close();
});

test("R25: the error names of both protocols mean the same: an old name for a missing queue makes the queue", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  let lies = 1;
  proxy.before = ({ action }) => {
    if (action !== "GetQueueUrl" || lies-- <= 0) return null;
    return { status: 400, body: { __type: "AWS.SimpleQueueService.NonExistentQueue", message: "no" } };
  };
  const backend = await open(proxy.url, { credentials });
  expect((await backend.enqueue([message()]))[0]).toMatchObject({ ok: true });
  await backend.close();
  await proxy.close();
});

test("an endpoint at which nobody listens is told apart from a wrong key", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  await proxy.close();
  const opening = sqsBackend({ region, endpoint: proxy.url, prefix: freshPrefix() })(context);
  await expect(opening).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
});

test("every call goes to the endpoint, whatever host the queue's URL names", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  const backend = await open(proxy.url, { credentials });
  await backend.enqueue([message()]);
  const [held] = await lease(backend, { waitMs: 2_000 });
  if (held) await backend.ack([held]);
  const actions = new Set(proxy.calls.map(({ action }) => action));
  for (const action of ["SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch"]) expect(actions).toContain(action);
  const url = proxy.calls.find(({ action }) => action === "SendMessageBatch")?.input["QueueUrl"];
  // This copy writes a host that leads nowhere; others write the one that they were called by.
  if (isFirstCopy) expect(new URL(String(url)).hostname).toBe("sqs.us-east-1.localhost");
  await backend.close();
  await proxy.close();
});
