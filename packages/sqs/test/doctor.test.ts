import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { doctorOf } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { freshPrefix, lease, message, open, useEmulator } from "./fresh.ts";

const emulator = useEmulator();

test("queues that waybill made are in order", async () => {
  const backend = await open(emulator.endpoint, { queues: ["default"] });
  const findings = await doctorOf(backend)?.checks();
  expect(findings?.map(({ check, severity }) => [check, severity])).toEqual([
    ["sqs.dead_letters", "ok"],
    ["sqs.redrive", "ok"],
    ["sqs.retention", "ok"],
  ]);
});

test("a short retention and a missing redrive are warnings with a way out; dead letters are a note", async () => {
  const prefix = freshPrefix();
  const Attributes = { MessageRetentionPeriod: "345600" };
  await emulator.client.send(new CreateQueueCommand({ QueueName: `${prefix}-default`, Attributes }));
  const backend = await open(emulator.endpoint, { prefix });
  await backend.enqueue([message()]);
  const [held] = await lease(backend, { waitMs: 2_000 });
  if (held) await backend.deadLetter(held, { code: "TEST", message: "why" });
  const findings = await doctorOf(backend)?.checks();
  expect(findings).toMatchObject([
    { check: "sqs.dead_letters", severity: "note", message: expect.stringContaining("letters in it: 1") },
    { check: "sqs.redrive", severity: "warning", wayOut: expect.stringContaining(`${prefix}_dead`) },
    { check: "sqs.retention", severity: "warning", message: expect.stringContaining("4 days") },
  ]);
});

test("R13: every setting is told with whether somebody gave it, and none is a secret", async () => {
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
