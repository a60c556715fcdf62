import { toError } from "@waybill/core";
import { randomBytes } from "node:crypto";
import type { Admit, Backend, BackendContext, Lease, Message } from "@waybill/core/backend";
import { serviceUrl, unheard } from "@waybill/test-servers";
import { connect } from "amqplib";
import { fromUrl } from "../src/index.ts";
import { RUNG_COUNT } from "../src/ladder.ts";
import { names } from "../src/topology.ts";

/** Stands in for core: takes JSON with an id and a type, and has one code for everything else. */
export const admit: Admit = (body, signature) => {
  try {
    const { id, type } = JSON.parse(body) as Partial<Message>;
    if (id === undefined || type === undefined) throw new Error("id or type is missing");
    return { ok: true, message: message({ id, type, signature, body }) };
  } catch (thrown) {
    return { ok: false, reason: { code: "ENVELOPE_INVALID", message: toError(thrown).message } };
  }
};

export const context: BackendContext = { admit, report: unheard };

export function message(part: Partial<Message> = {}): Message {
  const id = part.id ?? crypto.randomUUID();
  const body = JSON.stringify({ spec: "waybill/1", id, type: "test.job", args: [] });
  return {
    id,
    type: "test.job",
    queue: "default",
    delayMs: 0,
    priority: 0,
    tenant: null,
    signature: null,
    body,
    ...part,
  };
}

export function lease(
  backend: Backend,
  { queue = "default", limit = 1, leaseMs = 30_000, waitMs = 5_000, signal = new AbortController().signal } = {},
): Promise<Lease[]> {
  return backend.lease({ queue, limit, leaseMs, waitMs, signal });
}

export interface Store {
  /** Of the broker, with the store's prefix and options. */
  readonly url: string;
  readonly prefix: string;
  open(): Promise<Backend>;
  /** Deletes what was made under the prefix for these queues. */
  remove(): Promise<void>;
}

/** A prefix of its own on the broker the tests run with, or on the one at `server`. */
export async function freshStore(
  options: Readonly<Record<string, string>> = {},
  { server, queues = [] }: { server?: string; queues?: readonly string[] } = {},
): Promise<Store> {
  const prefix = `t${randomBytes(5).toString("hex")}`;
  const base = new URL(server ?? (await serviceUrl("rabbitmq")));
  for (const [name, value] of Object.entries({ prefix, ...options })) base.searchParams.set(name, value);
  const url = base.href;
  const seen = new Set(queues);
  const factory = fromUrl(url);
  return {
    url,
    prefix,
    async open() {
      const backend = await factory(context);
      return {
        ...backend,
        enqueue(messages) {
          for (const one of messages) seen.add(one.queue);
          return backend.enqueue(messages);
        },
        lease(request) {
          seen.add(request.queue);
          return backend.lease(request);
        },
      };
    },
    remove: () => removePrefix(url, prefix, [...seen]),
  };
}

export async function removePrefix(url: string, prefix: string, queues: readonly string[]): Promise<void> {
  const connection = await connect(url.replace(/\?.*$/, ""));
  const channel = await connection.createChannel();
  for (const queue of queues) await channel.deleteQueue(names.work(prefix, queue));
  await channel.deleteQueue(names.dead(prefix));
  await channel.deleteExchange(names.due(prefix));
  for (let rung = 0; rung < RUNG_COUNT; rung += 1) {
    await channel.deleteQueue(names.rung(prefix, rung));
    await channel.deleteExchange(names.level(prefix, rung));
  }
  await connection.close();
}
