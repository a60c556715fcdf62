import { once } from "node:events";
import {
  type BackendContext,
  decodeBody,
  type InspectableBackend,
  type Lease,
  toError,
  WaybillError,
} from "@waybill/core";
import { rabbitCapabilities } from "./capabilities.ts";
import { createInspector } from "./inspector.ts";
import type { Delivery } from "./intake.ts";
import { labelOf } from "./label.ts";
import { createLine, type Line } from "./line.ts";
import { createLink } from "./link.ts";
import type { Settings } from "./options.ts";
import { createPublisher } from "./publisher.ts";
import { createSender } from "./sender.ts";
import { createSettle } from "./settle.ts";
import { names } from "./topology.ts";

/** How long the broker may take to say goodbye; after that the sockets are cut. Less than core waits for `close`. */
const GOODBYE_MS = 2_000;
const DEFAULT_HEARTBEAT_S = 10;

/**
 * Two connections: a broker that runs out of memory or disk stops reading from those that publish, and acks must go
 * on. The second is opened by the first `lease`.
 */
export async function openRabbit(settings: Settings, context: BackendContext): Promise<InspectableBackend> {
  const { address, prefix, queueType } = settings;
  const capabilities = rabbitCapabilities(settings);
  let closing: Promise<void> | null = null;
  const isClosed = (): boolean => closing !== null;
  let heartbeatS = DEFAULT_HEARTBEAT_S;
  const writing = createLink(settings, () => DEFAULT_HEARTBEAT_S);
  const reading = createLink(settings, () => heartbeatS);
  const publisher = createPublisher(writing, settings.confirmTimeoutMs, isClosed);
  const sender = createSender(settings, publisher, capabilities.maxBodyBytes);
  const settle = createSettle(sender);
  const lines = new Map<string, Line>();
  const known = new Set<string>();

  function leaseOf(delivery: Delivery, queue: string): Lease | null {
    const { content } = delivery.message;
    const label = (body: string) => labelOf(delivery.message, body, queue, queueType === "quorum", context.admit);
    try {
      return { ...label(decodeBody(content)), token: delivery };
    } catch (thrown) {
      const reason = { code: "ENCODING_INVALID", message: toError(thrown).message };
      void settle.bury(delivery, label(""), reason);
      return null;
    }
  }

  function lineOf(queue: string): Line {
    let line = lines.get(queue);
    if (line === undefined) {
      const work = names.work(prefix, queue);
      line = createLine({ link: reading, queue, work, leaseOf: (delivery) => leaseOf(delivery, queue), isClosed });
      lines.set(queue, line);
    }
    return line;
  }

  function ensureOpen(): void {
    if (closing !== null) throw new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);
  }

  async function close(): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), GOODBYE_MS);
    await Promise.race([goodbye(), once(late.signal, "abort")]);
    clearTimeout(timer);
    writing.cut();
    reading.cut();
  }

  /** Acks are sent before the channels close, and channels before their connection. */
  async function goodbye(): Promise<void> {
    await Promise.allSettled([publisher.whenIdle(), ...[...lines.values()].map((line) => line.close())]);
    await Promise.allSettled([writing.close(), reading.close()]);
  }

  await (await writing.session()).setup.dead();
  const held = (queue: string): number => lines.get(queue)?.held() ?? 0;
  return {
    name: "rabbitmq",
    address,
    capabilities,
    inspector: createInspector({ link: reading, sender, settings, known, held, ensureOpen }),
    async enqueue(messages) {
      ensureOpen();
      for (const { queue } of messages) known.add(queue);
      return sender.enqueue(messages);
    },
    async lease(request) {
      ensureOpen();
      // A worker that hangs is found out after two to three heartbeats: within its lease.
      known.add(request.queue);
      if (lines.size === 0) heartbeatS = Math.max(1, Math.floor(request.leaseMs / 3_000));
      return lineOf(request.queue).lease(request);
    },
    async ack(leases) {
      ensureOpen();
      return settle.ack(leases);
    },
    async retry(lease, request) {
      ensureOpen();
      return settle.retry(lease, request);
    },
    async deadLetter(lease, reason) {
      ensureOpen();
      return settle.deadLetter(lease, reason);
    },
    async extend(leases) {
      ensureOpen();
      return settle.extend(leases);
    },
    close: () => (closing ??= close()),
  };
}
