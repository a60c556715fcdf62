import { CreateQueueCommand, GetQueueUrlCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Finding } from "@waybill/core";
import { doctorOf } from "@waybill/core/backend";
import { expect, onTestFinished, test, vi } from "vitest";
import { freshPrefix, lease, message, open, region, useEmulator } from "./fixture.ts";
import type { SqsOptions } from "../src/index.ts";

const emulator = useEmulator();
/** Of both copies of SQS. */
const account = "000000000000";

test("queues that waybill created have no warnings", async () => {
  const backend = await open(emulator.endpoint, { queues: ["default"] });
  const findings = await doctorOf(backend)?.checks();
  expect(findings?.map(({ check, severity }) => [check, severity])).toEqual([
    ["sqs.dead_letters", "ok"],
    ["sqs.retention", "ok"],
    ["sqs.redrive", "ok"],
    ["sqs.size", expect.stringMatching(/ok|note/)],
    ["sqs.retention", "ok"],
    ["sqs.clock", "ok"],
  ]);
});

test("a clock that is an hour behind that of SQS is a warning, by the date of its responses", async () => {
  const backend = await open(emulator.endpoint, { queues: ["default"] });
  const right = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => right() - 3_600_000);
  onTestFinished(() => void vi.restoreAllMocks());
  const clock = (await doctorOf(backend)?.checks())?.find(({ check }) => check === "sqs.clock");
  expect(clock).toMatchObject({
    severity: "warning",
    message: expect.stringMatching(
      /^the server's clock is 3[56]\d\d\.\d s ahead of this machine's: if this machine's is wrong/,
    ),
    remedy: expect.stringContaining("NTP"),
  });
});

test("a short retention and a missing RedrivePolicy are warnings with a remedy; dead letters are a note", async () => {
  const prefix = freshPrefix();
  const Attributes = { MessageRetentionPeriod: "345600" };
  await emulator.client.send(new CreateQueueCommand({ QueueName: `${prefix}-default`, Attributes }));
  const backend = await open(emulator.endpoint, { prefix });
  await backend.enqueue([message()]);
  const [leased] = await lease(backend, { waitMs: 2_000 });
  if (leased) await backend.deadLetter(leased, { code: "TEST", message: "why" });
  const findings = await doctorOf(backend)?.checks();
  expect(findings).toMatchObject([
    { check: "sqs.dead_letters", severity: "note", message: expect.stringContaining("has 1 letters") },
    { check: "sqs.retention", severity: "ok" },
    { check: "sqs.redrive", severity: "warning", remedy: expect.stringContaining(`${prefix}_dead`) },
    { check: "sqs.size" },
    { check: "sqs.retention", severity: "warning", message: expect.stringContaining("4 days") },
    { check: "sqs.clock" },
  ]);
});

/** Returns the warnings and failures after `change` was made to the queues of an open backend. */
async function warningsAfter(
  options: Partial<SqsOptions>,
  change: (prefix: string) => Promise<void>,
): Promise<Finding[]> {
  const prefix = freshPrefix();
  const backend = await open(emulator.endpoint, { prefix, queues: ["default"], ...options });
  await change(prefix);
  const findings = (await doctorOf(backend)?.checks()) ?? [];
  return findings.filter(({ severity }) => severity === "warning" || severity === "failure");
}

async function set(name: string, Attributes: Record<string, string>): Promise<void> {
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: name }));
  await emulator.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
}

const policyOf = (target: string, maxReceiveCount: number): string =>
  JSON.stringify({ deadLetterTargetArn: `arn:aws:sqs:${region}:${account}:${target}`, maxReceiveCount });

test("a delay of a FIFO queue is a warning, since its messages cannot have their own; a standard queue's has no effect", async () => {
  const delayed = { DelaySeconds: "60" };
  const fifo = await warningsAfter({ fifo: true }, (prefix) => set(`${prefix}-default.fifo`, delayed));
  expect(fifo).toMatchObject([{ check: "sqs.delay", message: expect.stringContaining("for 60 s") }]);
  expect(await warningsAfter({}, (prefix) => set(`${prefix}-default`, delayed))).toEqual([]);
});

test("a dead-letter queue with a smaller message size or a short retention is a warning", async () => {
  const found = await warningsAfter({}, (prefix) =>
    set(`${prefix}_dead`, { MaximumMessageSize: "1024", MessageRetentionPeriod: "60" }),
  );
  expect(found).toMatchObject([
    { check: "sqs.retention", message: expect.stringMatching(/_dead" keeps messages for 0 days/) },
    { check: "sqs.size", message: expect.stringMatching(/_dead" of up to 1024$/) },
    { check: "sqs.dead_retention", message: expect.stringMatching(/_dead" keeps messages for less time than/) },
  ]);
});

test("a retention that ends before the longest delay is a failure", async () => {
  const short = (prefix: string, suffix: string) =>
    set(`${prefix}-default${suffix}`, { MessageRetentionPeriod: "900" });
  const failure = { check: "sqs.retention", severity: "failure" };
  expect(await warningsAfter({}, (prefix) => short(prefix, ""))).toMatchObject([
    { ...failure, message: expect.stringContaining("a delay may be 15 minutes") },
  ]);
  expect(await warningsAfter({ fifo: true }, (prefix) => short(prefix, ".fifo"))).toMatchObject([
    { ...failure, message: expect.stringContaining("a delay may be 13 days") },
  ]);
});

test("a queue that was changed since the start is a finding, beside those of the others", async () => {
  const found = await warningsAfter({ queues: ["default", "early", "else"] }, async (prefix) => {
    await set(`${prefix}-early`, { RedrivePolicy: policyOf(`${prefix}_dead`, 3) });
    await set(`${prefix}-else`, { RedrivePolicy: policyOf(`${prefix}-default`, 500) });
  });
  expect(found).toMatchObject([
    {
      check: "sqs.queue",
      severity: "failure",
      message: expect.stringMatching(/-early" dead-letters a message after 3/),
    },
    { check: "sqs.redrive", severity: "warning", message: expect.stringMatching(/-else".*waybill does not look/) },
  ]);
});

test("R13: every setting is listed with whether it was given, and none is a secret", async () => {
  const credentials = { accessKeyId: "AKIA", secretAccessKey: "s3cret" };
  const backend = await open(emulator.endpoint, { prefix: "shop", credentials, pollSeconds: 5 });
  const settings = doctorOf(backend)?.settings ?? [];
  expect(settings).toEqual([
    { name: "region", value: "us-east-1", given: true },
    { name: "prefix", value: "shop", given: true },
    { name: "fifo", value: false, given: false },
    { name: "endpoint", value: emulator.endpoint, given: true },
    { name: "create", value: true, given: false },
    { name: "queues", value: "", given: false },
    { name: "pollSeconds", value: 5, given: true },
    { name: "md5", value: true, given: false },
  ]);
  expect(JSON.stringify(settings)).not.toContain("s3cret");
});
