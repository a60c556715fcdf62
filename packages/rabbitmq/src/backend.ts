import { setTimeout as sleep } from "node:timers/promises";
import {
  type BackendContext,
  createCloseGuard,
  type ExaminableBackend,
  type InspectableBackend,
} from "@waybill/core/backend";
import { rabbitmqCapabilities } from "./capabilities.ts";
import { type Connection, createConnection } from "./connection/connection.ts";
import { createPublisher } from "./connection/publisher.ts";
import { assertServer, createDoctor, type Server, serverOf } from "./doctor.ts";
import { createWriter } from "./enqueue.ts";
import { createInspector } from "./inspector.ts";
import { createLeases } from "./lease.ts";
import type { Settings } from "./options.ts";
import { createSettle } from "./settle.ts";

/** How long the closing handshake may take before the sockets are destroyed. Less than core waits for `close`. */
const CLOSE_MS = 2_000;
const HEARTBEAT_S = 10;

/**
 * Opens the backend on two connections: a broker that is short of memory or disk stops reading from those that publish,
 * and acks must go on. The second connection opens at the first `lease`.
 */
export async function openRabbit(
  settings: Settings,
  { admit }: BackendContext,
): Promise<InspectableBackend & ExaminableBackend> {
  const { address, prefix } = settings;
  const capabilities = rabbitmqCapabilities(settings);
  const publishing = createConnection(settings, () => HEARTBEAT_S, false);
  const server = await checkBroker(publishing, settings);
  const usedQueues = new Set<string>();
  const guard = createCloseGuard(address, async () => {
    leases.dismiss();
    const timeout = new AbortController();
    const late = sleep(CLOSE_MS, undefined, { signal: timeout.signal }).catch(() => undefined);
    await Promise.race([closeInOrder(), late]).finally(() => timeout.abort());
    publishing.destroy();
    leases.connection.destroy();
  });
  const isClosed = (): boolean => guard.isClosed;
  const publisher = createPublisher(publishing, settings.confirmTimeoutMs, isClosed);
  const writer = createWriter(prefix, publisher, capabilities);
  const settle = createSettle(writer, settings.queueType);
  const leases = createLeases({ settings, admit, settle, isClosed });
  const { assertOpen } = guard;
  const inspector = createInspector({ leases, writer, prefix, usedQueues, assertOpen });

  /** Closing the leases publishes unused messages again, so the connection that publishes closes last. */
  async function closeInOrder(): Promise<void> {
    await publisher.whenIdle();
    await leases.close();
    await publisher.whenIdle();
    await publishing.close();
  }

  return {
    name: "rabbitmq",
    address,
    capabilities,
    inspector,
    doctor: createDoctor(settings, server, inspector, () => publishing.session()),
    ...guard.verbs({
      ...settle,
      enqueue(messages) {
        for (const { queue } of messages) usedQueues.add(queue);
        return writer.enqueue(messages);
      },
      lease(request) {
        usedQueues.add(request.queue);
        return leases.lease(request);
      },
    }),
    close: () => guard.close(),
  };
}

/** Rejects CONFIG_INVALID for anything the broker will refuse later: the user, the vhost, the version, queues with other arguments. */
async function checkBroker(connection: Connection, settings: Settings): Promise<Server> {
  try {
    const session = await connection.session();
    const server = serverOf(session);
    assertServer(server, settings);
    await session.declarations.deadLetterQueue();
    return server;
  } catch (thrown) {
    connection.destroy();
    throw thrown;
  }
}
