import { once } from "node:events";
import { WaybillError } from "@waybill/core";
import type { BackendContext, ExaminableBackend, InspectableBackend } from "@waybill/core/backend";
import { rabbitmqCapabilities } from "./capabilities.ts";
import { assertServer, createDoctor, type Server, serverOf } from "./doctor.ts";
import { createInspector } from "./inspector.ts";
import { createLink, type Link } from "./link.ts";
import type { Settings } from "./options.ts";
import { createPublisher } from "./publisher.ts";
import { createReading } from "./reading.ts";
import { createSender } from "./sender.ts";
import { createSettle } from "./settle.ts";

/** How long the broker may take to say goodbye; after that the sockets are cut. Less than core waits for `close`. */
const GOODBYE_MS = 2_000;
const HEARTBEAT_S = 10;

/**
 * Two connections: a broker that runs out of memory or disk stops reading from those that publish, and acks must go
 * on. The second is opened by the first `lease`.
 */
export async function openRabbit(
  settings: Settings,
  context: BackendContext,
): Promise<InspectableBackend & ExaminableBackend> {
  const { address } = settings;
  const capabilities = rabbitmqCapabilities(settings);
  let closing: Promise<void> | null = null;
  const isClosed = (): boolean => closing !== null;
  const writing = createLink({ settings, heartbeatS: () => HEARTBEAT_S, pulsed: false });
  const server = await examine(writing, settings);
  const publisher = createPublisher(writing, settings.confirmTimeoutMs, isClosed);
  const sender = createSender(settings, publisher, capabilities.maxBodyBytes);
  const settle = createSettle(sender, settings.queueType);
  const reading = createReading(settings, context.admit, settle, isClosed);
  const known = new Set<string>();
  const inspector = createInspector({ reading, sender, settings, known, ensureOpen });

  function ensureOpen(): void {
    if (closing !== null) throw new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);
  }

  /** What was fetched and not leased is published anew, so the connection that publishes is the last to go. */
  async function goodbye(): Promise<void> {
    await publisher.whenIdle();
    await reading.close();
    await publisher.whenIdle();
    await writing.close();
  }

  async function close(): Promise<void> {
    reading.dismiss();
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), GOODBYE_MS);
    await Promise.race([goodbye(), once(late.signal, "abort")]);
    clearTimeout(timer);
    writing.cut();
    reading.link.cut();
  }

  return {
    name: "rabbitmq",
    address,
    capabilities,
    inspector,
    doctor: createDoctor(settings, server, inspector, () => writing.session()),
    async enqueue(messages) {
      ensureOpen();
      for (const { queue } of messages) known.add(queue);
      return sender.enqueue(messages);
    },
    async lease(request) {
      ensureOpen();
      known.add(request.queue);
      return reading.lease(request);
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

/** What can be refused is refused now: the user, the vhost, the server's version, queues made otherwise. */
async function examine(link: Link, settings: Settings): Promise<Server> {
  try {
    const session = await link.session();
    const server = serverOf(session);
    assertServer(server, settings);
    await session.setup.dead();
    return server;
  } catch (thrown) {
    link.cut();
    throw thrown;
  }
}
