import { setTimeout as sleep } from "node:timers/promises";
import {
  currentJob,
  defineJob,
  DeadLetter,
  EventBus,
  type JobContext,
  keyRing,
  newId,
  newSecret,
  type StartedEvent,
  type Telemetry,
} from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { expect, test } from "vitest";
import { type SqsEvent, sqsHandler, type SqsRecord } from "../src/index.ts";

const seen: { readonly id: string; readonly attempt: number }[] = [];
const note = (_: unknown, job: JobContext): void => void seen.push({ id: job.id, attempt: job.attempt });

const jobs = [
  defineJob({ type: "fine", handler: note }),
  defineJob({
    type: "broken",
    handler(payload, job) {
      note(payload, job);
      throw new Error("no luck");
    },
  }),
  defineJob({
    type: "hopeless",
    handler() {
      throw new DeadLetter("never");
    },
  }),
  defineJob({
    type: "discarded",
    retry: { maxAttempts: 1, onExhaustion: "discard" },
    handler() {
      throw new Error("never mind");
    },
  }),
  defineJob({ type: "slow", handler: (_, job) => sleep(60_000, undefined, { signal: job.signal }) }),
];

const STANDARD = "arn:aws:sqs:eu-west-1:123456789012:shop-default";
const FIFO = `${STANDARD}.fifo`;

interface Given {
  readonly type: string;
  readonly arn?: string;
  readonly group?: string;
  readonly receives?: number;
  readonly attributes?: Record<string, string>;
  readonly body?: string;
}

function record({ type, arn = STANDARD, group, receives = 1, attributes = {}, body }: Given): SqsRecord {
  const id = newId();
  return {
    messageId: `m-${id}`,
    body: body ?? JSON.stringify({ spec: "waybill/1", id, type, args: [{}] }),
    attributes: {
      ApproximateReceiveCount: String(receives),
      ...(group !== undefined && { MessageGroupId: group }),
    },
    messageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, stringValue]) => [name, { stringValue, dataType: "String" }]),
    ),
    eventSourceARN: arn,
  };
}

const handler = sqsHandler({ jobs });

async function failedOf(records: readonly SqsRecord[], remainingMs?: number): Promise<number[]> {
  const event: SqsEvent = { Records: records };
  const context = remainingMs === undefined ? {} : { getRemainingTimeInMillis: () => remainingMs };
  const { batchItemFailures } = await handler(event, context);
  return batchItemFailures.map(({ itemIdentifier }) => records.findIndex((one) => one.messageId === itemIdentifier));
}

test("an empty batch has no failures", async () => {
  expect(await handler({ Records: [] })).toEqual({ batchItemFailures: [] });
});

test("only the messages that did not complete are reported", async () => {
  expect(await failedOf([record({ type: "fine" }), record({ type: "broken" }), record({ type: "fine" })])).toEqual([1]);
});

test("jobs that are dead, unknown, invalid or early are reported, never deleted", async () => {
  const early = record({
    type: "fine",
    body: JSON.stringify({
      spec: "waybill/1",
      id: newId(),
      type: "fine",
      args: [{}],
      scheduled_at: new Date(Date.now() + 60_000).toISOString(),
    }),
  });
  const records = [
    record({ type: "hopeless" }),
    record({ type: "unknown.type" }),
    record({ type: "", body: "{" }),
    early,
  ];
  expect(await failedOf(records)).toEqual([0, 1, 2, 3]);
});

test("a job that is discarded after its last attempt is deleted", async () => {
  expect(await failedOf([record({ type: "discarded" })])).toEqual([]);
});

test("a FIFO group stops at its first failure and reports the rest; other groups continue", async () => {
  const records = [
    record({ type: "fine", arn: FIFO, group: "a" }),
    record({ type: "fine", arn: FIFO, group: "b" }),
    record({ type: "broken", arn: FIFO, group: "a" }),
    record({ type: "fine", arn: FIFO, group: "b" }),
    record({ type: "fine", arn: FIFO, group: "a" }),
  ];
  seen.length = 0;
  expect((await failedOf(records)).sort()).toEqual([2, 4]);
  const ran = new Set(seen.map(({ id }) => `m-${id}`));
  expect(records.map(({ messageId }) => ran.has(messageId))).toEqual([true, true, true, true, false]);
});

test("in a group of a standard queue a failure does not stop the others", async () => {
  const records = [record({ type: "broken", group: "a" }), record({ type: "fine", group: "a" })];
  expect(await failedOf(records)).toEqual([0]);
});

test("every delivery is an attempt, added to those of earlier copies", async () => {
  seen.length = 0;
  const carried = { "waybill-delivery": "attempt=3 lost=1 releases=2" };
  await failedOf([record({ type: "fine", receives: 4 }), record({ type: "fine", receives: 2, attributes: carried })]);
  expect(seen.map(({ attempt }) => attempt)).toEqual([4, 4]);
});

test("a body that travelled as base64 is read unchanged", async () => {
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type: "fine", args: [{ name: "\u{1F4F7}" }] });
  const attributes = { "waybill-encoding": "base64" };
  expect(await failedOf([record({ type: "fine", attributes, body: Buffer.from(body).toString("base64") })])).toEqual(
    [],
  );
});

test("before Lambda freezes the function, a running job is aborted and reported", async () => {
  const before = performance.now();
  expect(await failedOf([record({ type: "slow" }), record({ type: "fine" })], 2_200)).toEqual([0]);
  expect(performance.now() - before).toBeLessThan(2_200);
});

test("it runs jobs with the events and the job scope of a worker", async () => {
  const events = new EventBus();
  const started: StartedEvent[] = [];
  events.on("started", (event) => void started.push(event));
  const scopes: unknown[] = [];
  const watched = defineJob({ type: "fine", handler: () => void scopes.push(currentJob()?.type) });
  const run = sqsHandler({ jobs: [watched], events });
  await run({ Records: [record({ type: "fine" })] }, { awsRequestId: "r-1" });
  expect(scopes).toEqual(["fine"]);
  expect(started).toMatchObject([{ type: "fine", queue: "default", worker: "lambda-r-1", attempt: 1 }]);
});

test("with signatures required it runs signed jobs and reports the others", async () => {
  const keys = keyRing(newSecret());
  const run = sqsHandler({ jobs, keys, signatures: "required" });
  const unsigned = record({ type: "fine" });
  const { timestamp, value } = signatureFor(keys, idOf(unsigned), unsigned.body);
  const attributes = { "webhook-timestamp": String(timestamp), "webhook-signature": value };
  const signed = record({ type: "fine", body: unsigned.body, attributes });
  const { batchItemFailures } = await run({ Records: [unsigned, signed] });
  expect(batchItemFailures).toEqual([{ itemIdentifier: unsigned.messageId }]);
});

test("its runs are traced like a worker's", async () => {
  const traced: unknown[] = [];
  const telemetry: Telemetry = {
    send: () => ({ trace: null, end() {} }),
    process({ from, type, worker }) {
      return { within: (work) => work(), end: ({ outcome }) => void traced.push([from.name, type, worker, outcome]) };
    },
    settled: () => void traced.push("settled"),
  };
  const run = sqsHandler({ jobs, telemetry });
  await run({ Records: [record({ type: "fine" }), record({ type: "broken" })] }, { awsRequestId: "r-2" });
  expect(traced.toSorted()).toEqual([
    ["sqs", "broken", "lambda-r-2", "retry"],
    ["sqs", "fine", "lambda-r-2", "completed"],
  ]);
});

const idOf = ({ body }: SqsRecord): string => (JSON.parse(body) as { id: string }).id;

test("a function is not made of a job with limits, which only a worker keeps", () => {
  const limited = defineJob({ type: "limited", limits: [{ concurrency: 1 }], handler() {} });
  expect(() => sqsHandler({ jobs: [limited] })).toThrow(
    expect.objectContaining({
      code: "CAPABILITY_MISSING",
      message: expect.stringContaining('job "limited" has limits'),
    }),
  );
});
