import { randomUUID } from "node:crypto";
import type { Doctor } from "@waybill/core";
import type { BackendContext, InspectableBackend, RosterBackend } from "@waybill/core/backend";
import { capabilitiesOf } from "./capabilities.ts";
import { type Connections, openConnections } from "./connections.ts";
import { createEnqueue } from "./enqueue.ts";
import { closed, redisError } from "./errors.ts";
import { createInspector } from "./inspector.ts";
import { keysOf } from "./keys.ts";
import type { Settings } from "./options.ts";
import { preflight } from "./preflight.ts";
import { createQueues } from "./queues.ts";
import { createRoster } from "./roster.ts";
import { openScripts } from "./scripts.ts";
import { createSettle } from "./settle.ts";

/** Redis answers within this or not at all; a program that ends must not wait for it. */
const CLOSE_MS = 1_000;

/** What the backend offers beyond the seven verbs. */
export type BullmqBackend = InspectableBackend & RosterBackend & { readonly doctor: Doctor };

/** One process's connections to Redis: the seven verbs. */
export async function openBullmq(settings: Settings, context: BackendContext): Promise<BullmqBackend> {
  const connections = await openConnections(settings);
  try {
    return await assemble(settings, context, connections);
  } catch (thrown) {
    connections.cut();
    throw redisError(thrown, connections.address);
  }
}

async function assemble(settings: Settings, context: BackendContext, connections: Connections): Promise<BullmqBackend> {
  const { commands, address } = connections;
  const { appendOnly, doctor } = await preflight(connections, settings);
  const keys = keysOf(settings.prefix);
  const scripts = await openScripts(connections, settings.prefix);
  const enqueue = createEnqueue(commands, scripts, keys, address);
  const me = randomUUID();
  const queues = createQueues({ connections, scripts, keys, context, enqueue, me });
  const settle = createSettle(scripts, address, queues.finish);
  const underWay = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  function ensureOpen(): void {
    if (closing !== undefined) throw closed(address);
  }

  /** What was asked before `close` is still answered, if Redis answers. */
  async function call<T>(work: () => Promise<T>): Promise<T> {
    ensureOpen();
    const promise = work();
    underWay.add(promise);
    try {
      return await promise;
    } catch (thrown) {
      throw redisError(thrown, address);
    } finally {
      underWay.delete(promise);
    }
  }

  async function close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    const inPeace = Promise.allSettled([queues.close(), ...underWay]);
    await Promise.race([inPeace, deadline]);
    clearTimeout(timer);
    connections.cut();
  }

  return {
    name: "bullmq",
    address,
    capabilities: capabilitiesOf(appendOnly),
    doctor,
    inspector: createInspector({ commands, scripts, keys, address, ensureOpen }),
    roster: createRoster(commands, keys, call),
    enqueue: (messages) => call(() => enqueue(messages)),
    lease: (request) => call(() => queues.lease(request)),
    ack: (leases) => call(() => settle.ack(leases)),
    retry: (held, request) => call(() => settle.retry(held, request)),
    deadLetter: (held, reason) => call(() => settle.deadLetter(held, reason)),
    extend: (leases, leaseMs) => call(() => settle.extend(leases, leaseMs)),
    close: () => (closing ??= close()),
  };
}
