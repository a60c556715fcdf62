import type { Admit, Backend, BackendContext, Lease, Message } from "@waybill/core/backend";
import { serviceUrl, unheard } from "@waybill/test-servers";
import { Redis } from "ioredis";
import { afterEach } from "vitest";
import { type BullmqBackend, bullmqBackend, type BullmqOptions } from "../src/index.ts";

const opened: Backend[] = [];
const clients: Redis[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
  for (const client of clients.splice(0)) client.disconnect();
});

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

/** Stands in for core: takes JSON with an id, and has one code for everything else. */
export const admit: Admit = (body, signature) => {
  try {
    const { id, type, queue, priority } = JSON.parse(body) as Partial<Message>;
    if (id === undefined) return { ok: false, reason: { code: "FIELD_MISSING", message: "id is missing" } };
    return { ok: true, message: message({ id, type, queue, priority, signature, body }) };
  } catch (thrown) {
    return { ok: false, reason: { code: "JSON_SYNTAX", message: String(thrown) } };
  }
};

export const context: BackendContext = { admit, report: unheard };

/** Opens a backend that is closed after the test, on the shared Redis unless `url` says otherwise. */
export async function open(options: BullmqOptions = {}, admits: Admit = admit): Promise<BullmqBackend> {
  const backend = await bullmqBackend({ url: await redisUrl(), ...options })({ admit: admits, report: unheard });
  opened.push(backend);
  return backend;
}

type Part = { [Key in keyof Message]?: Message[Key] | undefined };

export function message(part: Part = {}): Message {
  const id = part.id ?? crypto.randomUUID();
  return {
    id,
    type: part.type ?? "test.job",
    queue: part.queue ?? "default",
    delayMs: part.delayMs ?? 0,
    priority: part.priority ?? 0,
    tenant: part.tenant ?? null,
    signature: part.signature ?? null,
    body: part.body ?? JSON.stringify({ id }),
  };
}

export function lease(
  backend: Backend,
  { queue = "default", limit = 1, leaseMs = 60_000, waitMs = 0, signal = new AbortController().signal } = {},
): Promise<Lease[]> {
  return backend.lease({ queue, limit, leaseMs, waitMs, signal });
}
