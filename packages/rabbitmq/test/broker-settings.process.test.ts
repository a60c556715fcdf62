import { connect, defineJob, isWaybillError, type Jobs } from "@waybill/core";
import { type RabbitServer, startRabbit } from "@waybill/test-servers";
import { connect as dial } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshStore, lease, message } from "./fixture.ts";

let rabbit: RabbitServer;

beforeAll(async () => {
  rabbit = await startRabbit();
}, 120_000);

afterAll(() => rabbit.stop());

const fresh = (): ReturnType<typeof freshStore> => freshStore({}, { server: rabbit.url });
const plain = defineJob({ type: "settings.plain", handler: () => undefined });

/** Returns what a worker's `run` rejects with. */
async function runs(jobs: Jobs): Promise<unknown> {
  return jobs
    .worker({ jobs: [plain] })
    .run()
    .catch((thrown: unknown) => thrown);
}

test.each([
  ["with other arguments", { durable: true }, /"t\w+\.default" exists with other arguments .*\?prefix=/s],
  [
    "as the exclusive queue of another connection",
    { exclusive: true, durable: false },
    /belongs to another connection alone/,
  ],
])("a worker whose queue exists %s stops with an error that says what to do", async (_how, options, words) => {
  const { url, prefix } = await fresh();
  const other = await dial(rabbit.url);
  await (await other.createChannel()).assertQueue(`${prefix}.default`, options);
  const jobs = await connect(url, { log: "off" });
  const stopped: string[] = [];
  jobs.events.on("stopped", ({ reason }) => void stopped.push(reason));
  expect(await runs(jobs)).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(words) });
  expect(stopped).toEqual(["CONFIG_INVALID"]);
  await other.close();
});

test("a worker that may not read its queue stops with an error that says what to do", async () => {
  const { url, prefix } = await fresh();
  await rabbit.ctl("add_user", "writer", "pen");
  await rabbit.ctl("set_permissions", "writer", ".*", ".*", `^${prefix}:.*`);
  const jobs = await connect(url.replace("//guest:guest@", "//writer:pen@"), { log: "off" });
  expect(await runs(jobs)).toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/may not use "t\w+\.default".*set_permissions/s),
  });
});

test("the first delayed job under a prefix is not late, although its queues are declared first", async () => {
  const store = await fresh();
  const backend = await store.open();
  const waiting = lease(backend, { waitMs: 20_000 });
  const sentAt = performance.now();
  await backend.enqueue([message({ delayMs: 3_000 })]);
  const storedMs = performance.now() - sentAt;
  expect(await waiting).toHaveLength(1);
  const tookMs = performance.now() - sentAt;
  expect(tookMs).toBeGreaterThanOrEqual(3_000);
  // Six levels are declared first, and each level that the message waits on adds some milliseconds.
  expect(tookMs, `stored after ${storedMs} ms`).toBeLessThan(Math.max(3_000, storedMs) + 700);
  await backend.close();
});

test("a job whose wait a policy of the broker ends becomes a dead letter with EXPIRED", async () => {
  const store = await fresh();
  const backend = await store.open();
  await rabbit.ctl("set_policy", "ttl", `^${store.prefix}\\.`, '{"message-ttl":100}', "--apply-to", "queues");
  const sent = message();
  await backend.enqueue([sent]);
  const jobs = await connect(store.url, { log: "off" });
  await expect
    .poll(() => jobs.inspector?.deadLetters(), { timeout: 10_000 })
    .toMatchObject([
      { id: sent.id, queue: "default", reason: { code: "EXPIRED", message: expect.stringContaining("message-ttl") } },
    ]);
  await rabbit.ctl("clear_policy", "ttl");
  await jobs.close();
  await backend.close();
});

test("the inspector rejects with a WaybillError when the dead-letter queue has other arguments, or the broker is down", async () => {
  const { url, prefix } = await fresh();
  const jobs = await connect(url, { log: "off" });
  const other = await dial(rabbit.url);
  const channel = await other.createChannel();
  await channel.deleteQueue(`${prefix}:dead`);
  await channel.assertQueue(`${prefix}:dead`, { durable: false });
  const calls = [
    jobs.inspector?.counts(),
    jobs.inspector?.deadLetters(),
    jobs.inspector?.replay(),
    jobs.inspector?.drop(),
  ];
  for (const answer of await Promise.allSettled(calls)) {
    const thrown: unknown = answer.status === "rejected" ? answer.reason : "no error";
    expect(isWaybillError(thrown), String(thrown)).toBe(true);
  }
  await other.close();
  await rabbit.kill();
  const down = await jobs.inspector?.counts().catch((error: unknown) => error);
  expect(down).toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  await jobs.close();
  await rabbit.restart();
});
