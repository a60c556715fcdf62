import type { InspectableBackend } from "@waybill/core/backend";
import { type Proxy, type RabbitServer, startProxy, startRabbit } from "@waybill/test-servers";
import { afterAll, afterEach, beforeAll } from "vitest";
import { fromUrl } from "../src/index.ts";
import { context, freshStore } from "./fixture.ts";

/** A broker of the test file's own, which it may stop, freeze and cut off. */
export let rabbit: RabbitServer;
export let proxy: Proxy;
/** What is closed after the test. */
export const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  rabbit = await startRabbit();
  proxy = await startProxy(rabbit);
}, 120_000);

afterEach(async () => {
  proxy.heal();
  rabbit.thaw();
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

afterAll(async () => {
  await proxy.close();
  await rabbit.stop();
});

/** Returns a URL through the proxy, which can cut connections, or directly to the broker. */
export async function urlOf(wire: "proxy" | "direct", options: Readonly<Record<string, string>> = {}): Promise<string> {
  const { url } = await freshStore(options, { server: rabbit.url });
  return wire === "proxy" ? proxy.url(url) : url;
}

export async function open(url: string): Promise<InspectableBackend> {
  const backend = await fromUrl(url)(context);
  opened.push(backend);
  return backend;
}
