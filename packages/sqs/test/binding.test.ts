import { createHash, createHmac } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { GetQueueUrlCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { connect, defineJob, newId, newSecret } from "@waybill/core";
import { signedWrapper } from "@waybill/core/endpoint";
import { expect, test } from "vitest";
import { useEmulator } from "./fixture.ts";

const emulator = useEmulator();
const page = readFileSync(fileURLToPath(new URL("../../../spec/1.0/bindings/sqs.md", import.meta.url)), "utf8");
const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = ""]) => code);

/** Returns the arguments of an example's `aws` command. Its inner `$(aws …)` is replaced by the queue's name. */
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

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/** Runs a program of the page in a process without npm, with the endpoint in the variables of AWS. */
async function run(command: string, args: readonly string[], endpoint: string): Promise<void> {
  const { PATH = "" } = process.env;
  const keys = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: SECRET };
  const env = { PATH, AWS_REGION: "us-east-1", AWS_ENDPOINT_URL_SQS: endpoint, ...keys };
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  expect({ code, output }).toEqual({ code: 0, output: "" });
}

const [standardLibrary = ""] = [...page.matchAll(/```python-stdlib\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
const programs = [
  { tool: "curl", command: "sh", args: ["-c", examples[2] ?? ""] },
  { tool: "python", command: "python3", args: ["-c", standardLibrary] },
];

test.each(programs)(
  "R18: the documented program that needs $tool alone enqueues, and a worker runs the job as it was sent",
  async ({ tool, command, args }) => {
    const ran: unknown[] = [];
    const greet = defineJob({ type: "greeting.print", handler: (payload) => void ran.push(payload) });
    const url = `sqs://us-east-1/shop?endpoint=${encodeURIComponent(emulator.endpoint)}&queues=default`;
    const jobs = await connect(url, { log: "off" });
    await run(command, args, emulator.endpoint);
    await jobs.worker({ jobs: [greet] }).start();
    await expect.poll(() => ran, { timeout: 10_000 }).toEqual([{ name: tool }]);
    await jobs.close();
  },
);

/** Returns the `authorization` header of Signature Version 4 for the headers that a request signs. */
function authorization({ headers }: IncomingMessage, body: string): string {
  const mac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
  const hash = (data: string): string => createHash("sha256").update(data).digest("hex");
  const [, scope = "", names = ""] = /\/([^,]+), ?SignedHeaders=([^,]+)/.exec(headers.authorization ?? "") ?? [];
  const lines = names.split(";").map((name) => `${name}:${String(headers[name])}`);
  const request = ["POST", "/", "", ...lines, "", names, hash(body)].join("\n");
  const key = scope.split("/").reduce<string | Buffer>(mac, `AWS4${SECRET}`);
  const signature = mac(key, ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hash(request)].join("\n"));
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names}, Signature=${signature.toString("hex")}`;
}

// The emulator verifies no signature, and SQS verifies each. What curl signs shows that the test computes it rightly.
test.each(programs)("R18: the request of $tool is signed as AWS requires", async ({ command, args }) => {
  const sent: { given: string | undefined; right: string }[] = [];
  const server = createServer(async (request, response) => {
    sent.push({ given: request.headers.authorization, right: authorization(request, await text(request)) });
    response.end(JSON.stringify({ QueueUrl: "http://127.0.0.1/1/shop-default" }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  await run(command, args, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.close();
  expect(sent.map(({ given }) => given)).toEqual(sent.map(({ right }) => right));
  expect(sent).toHaveLength(2);
});

test("a message whose body is a signed wrapper runs where signatures are required", async () => {
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
