import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
} from "@aws-sdk/client-sqs";
import type { Lease } from "@waybill/core/backend";
import { expect, test } from "vitest";
import {
  context,
  credentials,
  freshPrefix,
  lease,
  message,
  isFirstCopy,
  open,
  region,
  useEmulator,
} from "../fixture.ts";
import { startFaultProxy } from "../fault-proxy.ts";
import { sqsBackend, type SqsOptions } from "../../src/index.ts";

const emulator = useEmulator();

async function make(name: string, attributes: Record<string, string> = {}): Promise<void> {
  await emulator.client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
}

/** Returns a policy that names `target`, in the account of `made`, which differs between copies of SQS. */
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

/** Opens without `create`. */
const find = (prefix: string, options: Partial<SqsOptions> = {}): Promise<unknown> =>
  open(emulator.endpoint, { prefix, create: false, queues: ["default"], ...options });

test("a delay of the queue delays neither a job nor its retry", async () => {
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

test("with `create`, the dead-letter queue is created first, and every queue names it", async () => {
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

test("FIFO queues are created for many groups in parallel", async () => {
  const prefix = freshPrefix();
  await open(emulator.endpoint, { prefix, fifo: true, queues: ["default"] });
  expect(await queuesOf(prefix)).toEqual([`${prefix}-default.fifo`, `${prefix}_dead.fifo`]);
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: `${prefix}-default.fifo` }));
  const { Attributes } = await emulator.client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  expect(Attributes).toMatchObject({ FifoThroughputLimit: "perMessageGroupId", DeduplicationScope: "messageGroup" });
});

test("without `create`, a missing queue is an error that says what to do, and nothing is created", async () => {
  const prefix = freshPrefix();
  await expect(find(prefix)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(find(prefix)).rejects.toThrow(`no queue "${prefix}_dead" in this account and region; create it`);
  await make(`${prefix}_dead`);
  await expect(find(prefix)).rejects.toThrow(`no queue "${prefix}-default"`);
  const backend = await open(emulator.endpoint, { prefix, create: false });
  await make(`${prefix}-default`);
  const results = await backend.enqueue([message({ queue: "missing" }), message()]);
  expect(results[0]).toMatchObject({ ok: false, error: { code: "CONFIG_INVALID" } });
  expect(results[1]).toMatchObject({ ok: true });
  await expect(lease(backend, { queue: "missing" })).rejects.toThrow("create=true");
  expect(await queuesOf(prefix)).toEqual([`${prefix}-default`, `${prefix}_dead`]);
});

test("an error about a missing queue names the queue of the other type", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead.fifo`, { FifoQueue: "true" });
  await make(`${prefix}-default.fifo`, { FifoQueue: "true" });
  await expect(find(prefix)).rejects.toThrow("set fifo=true");
  const other = freshPrefix();
  await make(`${other}_dead`);
  await expect(find(other, { fifo: true })).rejects.toThrow("remove fifo=true");
});

test("a queue with a maxReceiveCount below 100 is refused when the program starts", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead`);
  await make(`${prefix}-default`, await redrive(`${prefix}_dead`, 10));
  await make(`${prefix}-fine`, await redrive(`${prefix}_dead`, 100));
  await expect(find(prefix)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(find(prefix)).rejects.toThrow("dead-letters a message after 10 deliveries");
  await find(prefix, { queues: ["fine"] });
});

test("R19, R25: a RedrivePolicy into a queue that does not exist is refused, by SQS or by waybill", async () => {
  const prefix = freshPrefix();
  await make(`${prefix}_dead`);
  const policy = await redrive(`${prefix}_dead`, 500, "nowhere");
  const refused = await make(`${prefix}-default`, policy).catch((thrown: unknown) => thrown);
  if (refused !== undefined) expect(String(refused)).toContain("nowhere");
  else await expect(find(prefix)).rejects.toThrow('names a queue that does not exist, "nowhere"');
});

test("a queue that was missing is found once it exists", async () => {
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
])("wrong credentials ($__type) reject `connect` with what to check", async ({ status, __type }) => {
  const proxy = await startFaultProxy(emulator.endpoint);
  proxy.before = () => ({ status, body: { __type, message: "The security token is invalid" } });
  const opening = sqsBackend({ region, endpoint: proxy.url, credentials, prefix: freshPrefix() })(context);
  await expect(opening).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(opening).rejects.toThrow("check the credentials");
  await proxy.close();
});

test("R19, R25: an old error name for a missing queue is understood, and the queue is created", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  let times = 1;
  proxy.before = ({ action }) => {
    if (action !== "GetQueueUrl" || times-- <= 0) return null;
    return { status: 400, body: { __type: "AWS.SimpleQueueService.NonExistentQueue", message: "no" } };
  };
  const backend = await open(proxy.url, { credentials });
  expect((await backend.enqueue([message()]))[0]).toMatchObject({ ok: true });
  await backend.close();
  await proxy.close();
});

test("an endpoint without a server is BACKEND_UNAVAILABLE, unlike wrong credentials", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  await proxy.close();
  const opening = sqsBackend({ region, endpoint: proxy.url, prefix: freshPrefix() })(context);
  await expect(opening).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
});

test("R19: every call goes to the endpoint, whatever host the queue's URL names", async () => {
  const proxy = await startFaultProxy(emulator.endpoint);
  const backend = await open(proxy.url, { credentials });
  await backend.enqueue([message()]);
  const [leased] = await lease(backend, { waitMs: 2_000 });
  if (leased) await backend.ack([leased]);
  const actions = new Set(proxy.calls.map(({ action }) => action));
  for (const action of ["SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch"]) expect(actions).toContain(action);
  const url = proxy.calls.find(({ action }) => action === "SendMessageBatch")?.input["QueueUrl"];
  // This copy returns a host that does not exist; others return the one that they were called by.
  if (isFirstCopy) expect(new URL(String(url)).hostname).toBe("sqs.us-east-1.localhost");
  await backend.close();
  await proxy.close();
});
