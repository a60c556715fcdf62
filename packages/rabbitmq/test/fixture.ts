import { randomBytes } from "node:crypto";
import type { Backend, Lease, LeaseRequest } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { context, lease as leaseFrom } from "@waybill/test-servers/fixtures";
import { connect } from "amqplib";
import { fromUrl } from "../src/index.ts";
import { LEVEL_COUNT } from "../src/topology/delay-levels.ts";
import { names } from "../src/topology/topology.ts";

export { admit, context, message } from "@waybill/test-servers/fixtures";

/** Leases one job, and waits 5 s for it. */
export function lease(backend: Backend, request: Partial<LeaseRequest> = {}): Promise<Lease[]> {
  return leaseFrom(backend, { leaseMs: 30_000, waitMs: 5_000, ...request });
}

export interface Store {
  /** With the store's prefix and options. */
  readonly url: string;
  readonly prefix: string;
  open(): Promise<Backend>;
  /** Deletes the queues and exchanges under the prefix. */
  remove(): Promise<void>;
}

/** Returns a new prefix on the tests' broker, or on the one at `server`. `queues` are deleted as well by `remove`. */
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
  for (const queue of queues) await channel.deleteQueue(names.workQueue(prefix, queue));
  await channel.deleteQueue(names.deadLetterQueue(prefix));
  await channel.deleteExchange(names.dueExchange(prefix));
  for (let level = 0; level < LEVEL_COUNT; level += 1) {
    await channel.deleteQueue(names.waitQueue(prefix, level));
    await channel.deleteExchange(names.levelExchange(prefix, level));
  }
  await connection.close();
}
