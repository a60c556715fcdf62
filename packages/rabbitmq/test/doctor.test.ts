import { afterAll, expect, test } from "vitest";
import { assertServer } from "../src/doctor.ts";
import { fromUrl } from "../src/index.ts";
import { settingsOf } from "../src/options.ts";
import { context, freshStore, lease, message, type Store } from "./broker.ts";

const stores: Store[] = [];

afterAll(async () => {
  for (const store of stores) await store.remove();
});

async function open(options: Readonly<Record<string, string>> = {}) {
  const store = await freshStore(options, { queues: ["default"] });
  stores.push(store);
  return fromUrl(store.url)(context);
}

test("the doctor names the server, and tells settings that were given from defaults", async () => {
  const backend = await open({ consumerTimeoutMs: "60000" });
  const { server, settings } = backend.doctor;
  expect(server).toMatchObject({ product: "rabbitmq", version: expect.stringMatching(/^\d+\.\d+/) });
  expect(settings).toContainEqual({ name: "consumerTimeoutMs", value: 60_000, given: true });
  expect(settings).toContainEqual({ name: "deliveryLimit", value: 100, given: false });
  await backend.close();
});

test("the doctor finds nothing to mend on a fresh quorum queue, and warns of classic ones", async () => {
  const quorum = await open();
  const classic = await open({ queueType: "classic" });
  const severe = async (backend: typeof quorum): Promise<string[]> =>
    (await backend.doctor.checks()).filter(({ wayOut }) => wayOut !== null).map(({ check }) => check);
  expect(await severe(quorum)).toEqual([]);
  expect(await severe(classic)).toEqual(["rabbitmq.queue_type"]);
  await quorum.close();
  await classic.close();
});

test("the doctor counts dead letters", async () => {
  const backend = await open();
  await backend.enqueue([message()]);
  const [held] = await lease(backend);
  if (held) await backend.deadLetter(held, { code: "TEST", message: "for the doctor" });
  const found = await backend.doctor.checks();
  expect(found).toContainEqual(expect.objectContaining({ check: "rabbitmq.dead_letters", severity: "note" }));
  await backend.close();
});

test("a server too old for quorum queues with delays is refused with two ways out, unless queues are classic", () => {
  const refusal = /RabbitMQ 3\.9\.29.*upgrade to 3\.10.*queueType=classic/;
  expect(() => assertServer("3.9.29", settingsOf({}))).toThrow(refusal);
  expect(() => assertServer("3.9.29", settingsOf({ queueType: "classic" }))).not.toThrow();
  for (const version of ["3.10.8", "3.13.1", "4.0.2"])
    expect(() => assertServer(version, settingsOf({}))).not.toThrow();
});
