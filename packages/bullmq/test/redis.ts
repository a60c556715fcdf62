import type { Admit } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { admit, closedBy, ignoredReport } from "@waybill/test-servers/fixtures";
import { Redis } from "ioredis";
import { afterEach } from "vitest";
import { type BullmqBackend, bullmqBackend, type BullmqOptions } from "../src/index.ts";

export { admit, context, lease, message } from "@waybill/test-servers/fixtures";

const clients: Redis[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
const opened = closedBy(afterEach);

/** The Redis all tests share; each keeps to a prefix of its own. */
export const redisUrl = (): Promise<string> => serviceUrl("redis");

export const freshPrefix = (): string => `test-${crypto.randomUUID()}`;

export async function removePrefix(prefix: string): Promise<void> {
  const client = new Redis(await redisUrl());
  for await (const keys of client.scanStream({ match: `${prefix}:*`, count: 1_000 })) {
    if (keys.length > 0) await client.unlink(...(keys as string[]));
  }
  client.disconnect();
}

/** A client of the test's own, to look at Redis and to write as others do. Gone after the test. */
export async function redisClient(url?: string): Promise<Redis> {
  const client = new Redis(url ?? (await redisUrl()));
  clients.push(client);
  return client;
}

/** Opens a backend that is closed after the test, on the shared Redis unless `url` says otherwise. */
export async function open(options: BullmqOptions = {}, admits: Admit = admit): Promise<BullmqBackend> {
  const factory = bullmqBackend({ url: await redisUrl(), ...options });
  return opened(await factory({ admit: admits, report: ignoredReport }));
}
