import { connect, defineJob } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { connect as dial } from "amqplib";
import { afterAll, expect, test } from "vitest";
import { fromUrl, rabbitmqBackend } from "../src/index.ts";
import { context, freshStore, lease, message, removePrefix, type Store } from "./fixture.ts";

const stores: Store[] = [];

afterAll(async () => {
  for (const store of stores) await store.remove();
});

async function fresh(options: Readonly<Record<string, string>> = {}): Promise<Store> {
  const store = await freshStore(options, { queues: ["default"] });
  stores.push(store);
  return store;
}

/** Publishes bytes as any program might. */
async function publish(store: Store, content: Buffer, properties: object = {}): Promise<void> {
  const connection = await dial(store.url.replace(/\?.*$/, ""));
  const channel = await connection.createConfirmChannel();
  channel.publish("", `${store.prefix}.default`, content, { persistent: true, ...properties });
  await channel.waitForConfirms();
  await connection.close();
}

test("a wrong password rejects `connect`, and no password is in the message", async () => {
  const url = (await serviceUrl("rabbitmq")).replace(/\/\/[^@]*@/, "//guest:hunter2@");
  const error: unknown = await fromUrl(url)(context).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining('refuses user "guest"') });
  expect(String(error)).not.toContain("hunter2");
});

test("a missing vhost rejects `connect`, and the error says how to create it", async () => {
  const url = `${(await serviceUrl("rabbitmq")).replace(/\/$/, "")}/no%2Fsuch`;
  await expect(fromUrl(url)(context)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/no vhost "no\/such".*rabbitmqctl add_vhost/),
  });
});

test("without a broker, `connect` rejects BACKEND_UNAVAILABLE within seconds, with host and port", async () => {
  await expect(fromUrl("amqp://127.0.0.1:1")(context)).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringContaining("amqp://127.0.0.1:1"),
  });
});

test("a queue that exists with other arguments is refused, with three remedies", async () => {
  const store = await fresh();
  await (await store.open()).close();
  const classic = fromUrl(store.url.replace("?", "?queueType=classic&"))(context);
  await expect(classic).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(
      /":?.*:dead" exists with other arguments .*x-queue-type.*delete it.*\?prefix=.*queueType/s,
    ),
  });
});

test("with declare=false a missing queue is refused by name", async () => {
  const store = await fresh({ declare: "false" });
  await expect(store.open()).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(`"${store.prefix}:dead" does not exist`),
  });
});

test("with declare=false existing queues are used as they are", async () => {
  const made = await fresh();
  const maker = await made.open();
  await maker.enqueue([message(), message({ delayMs: 100 })]);
  await maker.close();
  const user = await fromUrl(`${made.url}&declare=false`)(context);
  await user.enqueue([message({ delayMs: 100 })]);
  const found = new Set<string>();
  while (found.size < 3) for (const one of await lease(user, { limit: 3 })) found.add(one.id);
  await user.close();
});

test("plain text in the queue is dead-lettered with its bytes, and the next job runs", async () => {
  const store = await fresh();
  const ran: string[] = [];
  const job = defineJob({ type: "greeting.print", handler: (_, { id }) => void ran.push(id) });
  const jobs = await connect(store.url, { jobs: [job], log: "off" });
  const { id } = await jobs.enqueue(job, {});
  await publish(store, Buffer.from("hello, world"));
  await jobs.worker({ jobs: [job] }).start();
  await expect.poll(() => jobs.inspector?.deadLetters(), { timeout: 10_000 }).toHaveLength(1);
  const [letter] = (await jobs.inspector?.deadLetters()) ?? [];
  expect(letter).toMatchObject({ body: "hello, world", reason: { code: "JSON_SYNTAX" }, queue: "default" });
  expect(ran).toEqual([id]);
  await jobs.close();
});

test("bytes that are not UTF-8 are dead-lettered, and a replay sends the same bytes", async () => {
  const store = await fresh();
  const backend = await store.open();
  const opened = await fromUrl(store.url)(context);
  await backend.enqueue([message()]);
  const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x22, 0x7d]);
  await publish(store, bytes);
  const leases = [...(await lease(backend)), ...(await lease(backend))];
  const damaged = leases.find(({ damage }) => damage !== undefined);
  expect(damaged).toMatchObject({ body: "", damage: { code: "ENCODING_INVALID" } });
  if (damaged?.damage) await backend.deadLetter(damaged, damaged.damage);
  const read = () => opened.inspector.deadLetters();
  await expect.poll(read, { timeout: 5_000 }).toMatchObject([{ reason: { code: "ENCODING_INVALID" } }]);
  await backend.close();
  expect(await opened.inspector.replay()).toBe(1);
  await opened.close();
  const connection = await dial(store.url.replace(/\?.*$/, ""));
  const channel = await connection.createChannel();
  const bodies = [await channel.get(`${store.prefix}.default`), await channel.get(`${store.prefix}.default`)];
  expect(bodies.map((found) => found && found.content.equals(bytes))).toContain(true);
  await connection.close();
});

test("a message without properties gets its label from the envelope", async () => {
  const store = await fresh();
  const backend = await store.open();
  await lease(backend, { waitMs: 50 });
  const body = '{"spec":"waybill/1","id":"foreign-1","type":"photo.resize","args":[]}';
  await publish(store, Buffer.from(body), { headers: { "waybill-tenant": "acme", "webhook-timestamp": "1790000000" } });
  const [found] = await lease(backend);
  expect(found).toMatchObject({ id: "foreign-1", type: "photo.resize", tenant: "acme", body, attempt: 1, lost: 0 });
  expect(found?.signature).toBeNull();
  await backend.close();
});

test("a priority is refused with what to do instead", async () => {
  const store = await fresh();
  const job = defineJob({ type: "greeting.print", handler: () => undefined });
  const jobs = await connect(store.url, { log: "off" });
  await expect(jobs.enqueue(job, {}, { priority: 5 })).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringContaining("one queue per priority"),
  });
  await jobs.close();
});

test("R28: a job that may run longer than consumer_timeout is refused when the program starts", async () => {
  const store = await fresh({ consumerTimeoutMs: "60000" });
  const job = defineJob({ type: "movie.encode", timeout: "150s", handler: () => undefined });
  await expect(connect(store.url, { jobs: [job], log: "off" })).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringMatching(/timeout of at most 50000 ms/),
  });
  const unlimited = await connect(store.url.replace("60000", "off"), { jobs: [job], log: "off" });
  await unlimited.close();
});

test.each([
  ["amqp://h/a/b", /two path segments.*%2F/],
  ["amqp://h/?ttl=5", /unknown parameter "ttl"; known are: prefix/],
  ["amqp://u:p%40@h/?prefix=a.b", /prefix is "a\.b"/],
  ["amqp://h/?queueType=stream", /queueType is "stream"; write one of quorum, classic/],
  ["amqp://h/?deliveryLimit=0", /deliveryLimit is 0/],
  ["amqp://h/?consumerTimeoutMs=never", /consumerTimeoutMs is "never"; write a whole number, or "off"/],
  ["amqp://h/?prefix=a&prefix=b", /sets "prefix" twice/],
  ["amqp://u:secret#1@h/", /not an AMQP URL/],
  ["amqp://u:1/secret@h/", /@ behind its host.*%2F/],
  ["amqp://u:1?secret@h/", /@ behind its host.*%3F/],
  ["amqp://h/%zz", /vhost .* not an escape/],
])("the URL %s is refused", (url, why) => {
  expect(() => fromUrl(url)).toThrow(why);
  expect(() => fromUrl(url)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
  expect(() => fromUrl(url)).not.toThrow(/secret/);
});

test("the address names host, port and vhost, and no user", async () => {
  const { hostname, port } = new URL(await serviceUrl("rabbitmq"));
  const store = await fresh();
  const backend = await rabbitmqBackend({ hostname, port: Number(port), prefix: store.prefix })(context);
  expect(backend.address).toBe(`amqp://${hostname}:${port}`);
  await backend.close();
});

test("the connect option opens both connections", async () => {
  const store = await fresh();
  let opened = 0;
  const backend = await rabbitmqBackend({
    prefix: store.prefix,
    async connect(heartbeat) {
      opened += 1;
      const { hostname, port } = new URL(store.url);
      return dial({ hostname, port: Number(port), heartbeat });
    },
  })(context);
  await backend.enqueue([message()]);
  expect(await lease(backend)).toHaveLength(1);
  expect(opened).toBe(2);
  await backend.close();
});

test("removePrefix deletes everything under a prefix", async () => {
  const store = await freshStore();
  const backend = await store.open();
  await backend.enqueue([message({ delayMs: 100 })]);
  await backend.close();
  await removePrefix(store.url, store.prefix, ["default"]);
  await expect(fromUrl(`${store.url}&declare=false`)(context)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
