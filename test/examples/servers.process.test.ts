import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { serviceUrl, sqsCall, startFauxqsHere } from "@waybill/test-servers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { newId } from "@waybill/core";
import { secret, signed } from "../../packages/http/test/support/signed-requests.ts";
import { installExamples, type Examples } from "./frame/install.ts";
import { expectDashboard, expectOrders, openShop } from "./frame/shop.ts";

// Bun and Deno themselves, as npm has them for this platform. Their installers would only link these.
const isLinux = process.platform === "linux" && process.arch === "x64";
const runtimes = isLinux ? { "@oven/bun-linux-x64": "1.4.5", "@deno/linux-x64-glibc": "2.9.6" } : {};

let examples: Examples;
beforeAll(async () => {
  const names = ["express", "fastify", "hono", "bun", "deno", "monorepo", "docker", "lambda", "cloud-functions"];
  examples = await installExamples(names, runtimes);
}, 600_000);
afterAll(() => examples?.remove());

const bun = (): string => join(examples.folderOf("bun"), "../node_modules/@oven/bun-linux-x64/bin/bun");
const deno = (): string => join(examples.folderOf("deno"), "../node_modules/@deno/linux-x64-glibc/deno");

const programs: Readonly<Record<string, (file: string) => string[]>> = {
  express: (file) => ["node", file],
  fastify: (file) => ["node", file],
  hono: (file) => ["node", file],
  bun: (file) => [bun(), file],
  deno: (file) => [deno(), "run", "-A", file],
};

describe.each(["express", "fastify", "hono", "bun", "deno"])("%s", (name) => {
  test("an order that is posted sends its receipt, the dashboard shows it, and SIGTERM ends all", async ({ skip }) => {
    skip(
      !isLinux && (name === "bun" || name === "deno"),
      "of Bun and Deno only the programs for Linux x64 are installed",
    );
    const command = (file: string): string[] => programs[name]?.(file) ?? [];
    const { origin, server } = await openShop((env) =>
      examples.command(name, command("src/server.ts"), { ...env, WAYBILL_KEYS: secret }),
    );
    await expectOrders(origin, "o_1");
    const worker = name === "fastify" ? server : examples.command(name, command("src/worker.ts"));
    await worker.said("receipt for o_1, attempt 1");
    if (worker !== server) expect((await worker.stop()).code).toBe(0);
    if (name !== "fastify") await expectPushed(origin, () => server.said("receipt for o_pushed, attempt 1"));
    // Fastify's own worker has run them all.
    const waiting = name === "fastify" ? null : await expectOrders(origin, "o_2");
    await expectDashboard(origin, waiting);
    expect((await server.stop()).code).toBe(0);
  });
});

/** Expects that a job which is pushed runs, and that one with another body under the same signature does not. */
async function expectPushed(origin: string, hasRun: () => Promise<void>): Promise<void> {
  const job = { spec: "waybill/1", id: newId(), type: "receipt.send" };
  const body = JSON.stringify({ ...job, args: [{ orderId: "o_pushed" }] });
  const forged = JSON.stringify({ ...job, args: [{ orderId: "o_forged" }] });
  const push = (text: string): Promise<Response> =>
    fetch(`${origin}/work`, {
      method: "POST",
      body: text,
      headers: { "content-type": "application/json", ...signed(body) },
    });
  expect((await push(forged)).status).toBe(403);
  expect((await push(body)).status).toBe(200);
  await hasRun();
}

test.each(["express", "fastify", "hono", "monorepo", "docker", "lambda"])("%s compiles", async (name) => {
  await examples.run(name, { script: "check" });
});

test("monorepo: one package enqueues by the shared definition, another one has the handler", async () => {
  const url = { WAYBILL_URL: `sqlite:${join(examples.folderOf("monorepo"), "waybill.db")}` };
  const { origin, server } = await openShop((env) =>
    examples.command("monorepo", ["node", "packages/web/src/server.ts"], { ...env, ...url }),
  );
  await expectOrders(origin, "o_1", "/");
  const worker = examples.command("monorepo", ["node", "packages/worker/src/worker.ts"], url);
  await worker.said("receipt for o_1, attempt 1");
  expect([(await worker.stop()).code, (await server.stop()).code]).toEqual([0, 0]);
});

test("docker: the command of the image, below an init as PID 1, finishes its running job on SIGTERM", async ({
  skip,
}) => {
  skip(process.getuid?.() !== 0, "needs root for a PID namespace");
  const folder = examples.folderOf("docker");
  const dockerfile = readFileSync(join(folder, "Dockerfile"), "utf8");
  const command = JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]") as string[];
  const { services } = parse(readFileSync(join(folder, "compose.yaml"), "utf8")) as {
    readonly services: { readonly worker: Readonly<Record<string, unknown>> };
  };
  expect(services.worker).toMatchObject({ init: true, stop_grace_period: "30s" });
  const env = { WAYBILL_URL: `${await serviceUrl("redis")}?prefix=${randomUUID()}` };
  await examples.command("docker", ["node", "src/enqueue.ts", "2026-11"], env).ended;
  const namespace = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "tini", "--"];
  const container = examples.command("docker", [...namespace, ...command], env);
  await container.said("building the report of 2026-11");
  const { output } = await container.stop();
  expect(output).toContain("built the report of 2026-11");
  expect(output).toMatch(/"event":"stopped".*"reason":"SIGTERM","completed":1,.*"released":0/);
});

test("lambda: the trigger's events run the jobs of SQS, and only what the function does not report is deleted", async () => {
  const sqs = await startFauxqsHere();
  try {
    await examples.run("lambda", { script: "build" });
    const env = { SQS_ENDPOINT: `http://127.0.0.1:${sqs.port}` };
    const { origin, server } = await openShop((more) =>
      examples.command("lambda", ["node", "local.ts"], { ...env, ...more }),
    );
    await expectOrders(origin, "o_1", "/");
    await server.said("receipt for o_1, attempt 1");
    expect(server.output()).not.toContain("failed");

    const QueueUrl = `http://127.0.0.1:${sqs.port}/000000000000/shop-default`;
    const unknown = { spec: "waybill/1", id: newId(), type: "order.unknown", args: [{}] };
    const call = { QueueUrl, MessageBody: JSON.stringify(unknown) };
    const { MessageId } = await sqsCall<{ MessageId: string }>(`http://127.0.0.1:${sqs.port}`, "SendMessage", call);
    await server.said(`${MessageId} failed; SQS delivers it again`);
    await server.stop();
    const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    const { Attributes } = await sqsCall<{ Attributes: Record<string, string> }>(
      `http://127.0.0.1:${sqs.port}`,
      "GetQueueAttributes",
      { QueueUrl, AttributeNames },
    );
    // The receipt was deleted, the job that failed was not.
    expect(Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0)).toBe(1);
  } finally {
    await sqs.stop();
  }
});

test("cloud-functions: a job that `waybill push` sends runs in the function", async () => {
  const name = "cloud-functions";
  await examples.run(name, { script: "build" });
  const cli = (...args: string[]): string[] => [
    "node",
    join(examples.folderOf(name), "../node_modules/@waybill/cli/bin/waybill.js"),
    ...args,
  ];
  const url = ["--url", "sqlite:./waybill.db"];
  const env = { WAYBILL_KEYS: secret };
  await examples.command(
    name,
    cli("enqueue", "receipt.send", '{"orderId":"o_1"}', "--jobs", "dist/jobs.js", ...url),
    env,
  ).ended;
  const { origin, server } = await openShop((more) => {
    const framework = join(
      examples.folderOf(name),
      "../node_modules/@google-cloud/functions-framework/build/src/main.js",
    );
    return examples.command(name, ["node", framework, "--target=work"], { ...env, ...more });
  });
  const sender = examples.command(name, cli("push", "--to", `${origin}/`, ...url), env);
  await server.said("receipt for o_1, attempt 1");
  expect([(await sender.stop()).code, (await server.stop()).code]).toEqual([0, 0]);
});
