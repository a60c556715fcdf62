import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connect, defineJob } from "@waybill/core";
import { connect as dial } from "amqplib";
import { afterAll, expect, test } from "vitest";
import { freshStore } from "./fixture.ts";

const page = readFileSync(fileURLToPath(new URL("../../../spec/1.0/bindings/rabbitmq.md", import.meta.url)), "utf8");
const store = await freshStore({}, { queues: ["default"] });
const { port } = new URL(store.url);

afterAll(() => store.remove());

/** Returns the page's code in a language, with this run's broker and prefix. */
function example(language: string): string {
  const code = page.split(`\`\`\`${language}\n`)[1]?.split("```")[0];
  if (code === undefined) throw new Error(`the page has no example in ${language}`);
  // The port first: a prefix may have the digits of the page's port.
  return code.replaceAll("5672", port).replaceAll("waybill.", `${store.prefix}.`);
}

/** Returns the payloads that a worker ran after `publish`. */
async function ranAfter(publish: () => unknown): Promise<unknown[]> {
  const payloads: unknown[] = [];
  const greet = defineJob({ type: "greeting.print", handler: (payload) => void payloads.push(payload) });
  const jobs = await connect(store.url, { jobs: [greet], log: "off" });
  try {
    await jobs.worker({ jobs: [greet] }).start();
    await jobs.enqueue(greet, { name: "first" });
    await expect.poll(() => payloads, { timeout: 10_000 }).toHaveLength(1);
    await publish();
    await expect.poll(() => payloads, { timeout: 10_000 }).toHaveLength(2);
    return payloads.slice(1);
  } finally {
    await jobs.close();
  }
}

test("R18: the documented frames of python's standard library enqueue a job that a worker runs", async (context) => {
  if (spawnSync("python3", ["--version"]).status !== 0) return context.skip("python3 is not on this machine");
  const payloads = await ranAfter(() => {
    const { status, stderr } = spawnSync("python3", ["-c", example("python-stdlib")], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
  expect(payloads).toEqual([{ name: "python" }]);
  return undefined;
});

/** Debian's library belongs to Debian's Python, which need not be the first one. */
const pythonWith = (library: string): string | undefined =>
  ["python3", "/usr/bin/python3"].find((program) => spawnSync(program, ["-c", `import ${library}`]).status === 0);

test("the documented program for pika enqueues a job that a worker runs", async (context) => {
  const program = pythonWith("pika");
  if (program === undefined) return context.skip("python3 with pika is not on this machine");
  const payloads = await ranAfter(() => {
    const { status, stderr } = spawnSync(program, ["-c", example("python")], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
  expect(payloads).toEqual([{ name: "pika" }]);
  return undefined;
});

test("a worker runs the documented message of rabbitmqadmin", async () => {
  const shell = example("sh");
  const given = (name: string): string => new RegExp(`${name}='?([^' ]+)'?`).exec(shell)?.[1] ?? "";
  const payloads = await ranAfter(async () => {
    const connection = await dial(store.url.replace(/\?.*$/, ""));
    const channel = await connection.createConfirmChannel();
    const { delivery_mode, content_type } = JSON.parse(given("properties")) as Record<string, string | number>;
    const properties = { deliveryMode: Number(delivery_mode), contentType: String(content_type) };
    channel.publish("", given("routing_key"), Buffer.from(given("payload")), { ...properties, mandatory: true });
    await channel.waitForConfirms();
    await connection.close();
  });
  expect(payloads).toEqual([{ name: "rabbitmqadmin" }]);
});

test("a message with scheduled_at, published to the work queue by another program, runs at its time", async () => {
  const at = Date.now() + 700;
  const payloads = await ranAfter(async () => {
    const connection = await dial(store.url.replace(/\?.*$/, ""));
    const channel = await connection.createConfirmChannel();
    const scheduled_at = new Date(at).toISOString();
    const body = { spec: "waybill/1", id: crypto.randomUUID(), type: "greeting.print", args: [{}], scheduled_at };
    channel.publish("", `${store.prefix}.default`, Buffer.from(JSON.stringify(body)), { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
  });
  const ranBy = Date.now();
  expect(payloads).toEqual([{}]);
  expect(ranBy).toBeGreaterThanOrEqual(at);
});
