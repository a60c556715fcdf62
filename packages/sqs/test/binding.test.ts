import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GetQueueUrlCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { connect, defineJob, newId, newSecret } from "@waybill/core";
import { signedWrapper } from "@waybill/core/door";
import { expect, test } from "vitest";
import { useEmulator } from "./fresh.ts";

const emulator = useEmulator();
const page = readFileSync(fileURLToPath(new URL("../../../spec/1.0/bindings/sqs.md", import.meta.url)), "utf8");
const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = ""]) => code);

/** The arguments that a shell hands to the `aws` of an example, whose own `$(aws …)` answers with the queue's name. */
function argumentsOf(code: string): ReadonlyMap<string, string> {
  const aws = `aws() { if [ "$2" = get-queue-url ]; then printf %s "$4"; else printf '%s\\0' "$@"; fi; }`;
  const { stdout, stderr } = spawnSync("sh", ["-c", `${aws}\n${code}`], { encoding: "utf8" });
  expect(stderr).toBe("");
  const [service, action, ...rest] = stdout.split("\0").slice(0, -1);
  expect([service, action]).toEqual(["sqs", "send-message"]);
  return new Map(rest.flatMap((word, at) => (at % 2 === 0 ? [[word, rest[at + 1] ?? ""] as const] : [])));
}

test.each([
  { type: "standard", more: "", code: examples[0] ?? "", name: "aws", tenant: null },
  { type: "FIFO", more: "&fifo=true", code: examples[1] ?? "", name: "fifo", tenant: "acme" },
])(
  "R18: the documented one-liner enqueues on a $type queue, and a worker runs it",
  async ({ more, code, name, tenant }) => {
    const ran: unknown[] = [];
    const greet = defineJob({
      type: "greeting.print",
      handler: (payload, job) => void ran.push([payload, job.envelope.meta?.tenant_id ?? null]),
    });
    const url = `sqs://us-east-1/shop?endpoint=${encodeURIComponent(emulator.endpoint)}&queues=default${more}`;
    const jobs = await connect(url, { jobs: [greet], log: "off" });
    const given = argumentsOf(code);
    const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: given.get("--queue-url") }));
    const group = given.get("--message-group-id");
    await emulator.client.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: given.get("--message-body"),
        ...(group !== undefined && {
          MessageGroupId: group,
          MessageDeduplicationId: given.get("--message-deduplication-id"),
        }),
      }),
    );
    await jobs.worker({ jobs: [greet] }).start();
    await expect.poll(() => ran, { timeout: 10_000 }).toEqual([[{ name }, tenant]]);
    await jobs.close();
  },
);

test("a message whose body is the signed wrapper runs where signed jobs alone may", async () => {
  const keys = newSecret();
  const ran: string[] = [];
  const greet = defineJob({ type: "greeting.print", handler: (_, job) => void ran.push(job.id) });
  const url = `sqs://us-east-1/wrapped?endpoint=${encodeURIComponent(emulator.endpoint)}&queues=default`;
  const jobs = await connect(url, { keys, log: "off" });
  const { QueueUrl } = await emulator.client.send(new GetQueueUrlCommand({ QueueName: "wrapped-default" }));
  const id = newId();
  const body = JSON.stringify({ spec: "waybill/1", id, type: "greeting.print", args: [{}] });
  await emulator.client.send(new SendMessageCommand({ QueueUrl, MessageBody: signedWrapper(keys, body) }));
  await jobs.worker({ jobs: [greet], signatures: "required" }).start();
  await expect.poll(() => ran, { timeout: 10_000 }).toEqual([id]);
  await jobs.close();
});
