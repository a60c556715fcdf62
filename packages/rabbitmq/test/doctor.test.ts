import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { assertServer } from "../src/doctor.ts";
import { fromUrl } from "../src/index.ts";
import { settingsOf } from "../src/options.ts";
import { context, freshStore, lease, message, type Store } from "./fixture.ts";

const stores: Store[] = [];

afterAll(async () => {
  for (const store of stores) await store.remove();
});

async function open(options: Readonly<Record<string, string>> = {}) {
  const store = await freshStore(options, { queues: ["default"] });
  stores.push(store);
  return fromUrl(store.url)(context);
}

test("the doctor names the server, and marks settings that were given", async () => {
  const backend = await open({ consumerTimeoutMs: "60000" });
  const { server, settings } = backend.doctor;
  expect(server).toMatchObject({ product: "rabbitmq", version: expect.stringMatching(/^\d+\.\d+/) });
  expect(settings).toContainEqual({ name: "consumerTimeoutMs", value: 60_000, given: true });
  expect(settings).toContainEqual({ name: "deliveryLimit", value: 100, given: false });
  await backend.close();
});

test("the doctor has no remedy for a new quorum queue, and one for classic queues", async () => {
  const quorum = await open();
  const classic = await open({ queueType: "classic" });
  const severe = async (backend: typeof quorum): Promise<string[]> =>
    (await backend.doctor.checks()).filter(({ remedy }) => remedy !== null).map(({ check }) => check);
  expect(await severe(quorum)).toEqual([]);
  expect(await severe(classic)).toEqual(["rabbitmq.queue_type"]);
  await quorum.close();
  await classic.close();
});

test("the doctor counts dead letters", async () => {
  const backend = await open();
  await backend.enqueue([message()]);
  const [leased] = await lease(backend);
  if (leased) await backend.deadLetter(leased, { code: "TEST", message: "for the doctor" });
  const found = await backend.doctor.checks();
  expect(found).toContainEqual(expect.objectContaining({ check: "rabbitmq.dead_letters", severity: "note" }));
  await backend.close();
});

/** Returns the URL of the test's broker behind a proxy that replaces its name or version by one of the same length. */
async function posingAs(as: readonly (readonly [RegExp, string])[]): Promise<string> {
  const { url } = await freshStore({}, { queues: [] }).then((store) => (stores.push(store), store));
  const real = Number(new URL(url).port);
  const proxy = createServer((near) => {
    const far = connect(real, "127.0.0.1");
    far.once("data", (bytes: Buffer) => {
      near.write(
        as.reduce((text, [from, to]) => text.replace(from, to), bytes.toString("latin1")),
        "latin1",
      );
      far.pipe(near);
    });
    near.pipe(far);
    for (const socket of [near, far]) socket.on("error", () => undefined);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => void proxy.close());
  return url.replace(`:${real}`, `:${(proxy.address() as AddressInfo).port}`);
}

test.for([
  ["another product", [[/RabbitMQ/g, "ActiveMQ"]], /is ActiveMQ \d.*needs RabbitMQ 3\.10 or newer/],
  ["an old RabbitMQ", [[/3\.10\.\d/, "3.7.28"]], /is RabbitMQ 3\.7\.28, which is too old; upgrade to 3\.10/],
] as const)("%s is refused at the start by name, before a declaration fails there", async ([, as, says]) => {
  const refusal = { code: "CONFIG_INVALID", message: expect.stringMatching(says) };
  await expect(fromUrl(await posingAs(as))(context)).rejects.toMatchObject(refusal);
});

test("a server too old for delays on quorum queues is refused with two remedies, unless queues are classic", () => {
  const rabbit = (version: string) => ({ product: "RabbitMQ", version });
  const refusal = /RabbitMQ 3\.9\.29.*upgrade to 3\.10.*queueType=classic/;
  expect(() => assertServer(rabbit("3.9.29"), settingsOf({}))).toThrow(refusal);
  expect(() => assertServer(rabbit("3.9.29"), settingsOf({ queueType: "classic" }))).not.toThrow();
  for (const version of ["3.10.8", "3.13.1", "4.0.2"])
    expect(() => assertServer(rabbit(version), settingsOf({}))).not.toThrow();
  for (const product of ["LavinMQ", "Qpid", ""])
    expect(() => assertServer({ product, version: "9.1" }, settingsOf({}))).toThrow(/waybill needs RabbitMQ/);
});
