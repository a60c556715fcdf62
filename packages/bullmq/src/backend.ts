import { randomUUID } from "node:crypto";
import type { Doctor } from "@waybill/core";
import {
  type BackendContext,
  createCloseGuard,
  guardedLedger,
  guardedRecordStore,
  type InspectableBackend,
  type JobControlBackend,
  type LedgerBackend,
  type RecordStoreBackend,
  type WorkerRegistryBackend,
} from "@waybill/core/backend";
import { capabilitiesOf } from "./capabilities.ts";
import { type Connections, openConnections } from "./connection/connections.ts";
import { createJobControl } from "./control/job-control.ts";
import { redisError } from "./errors.ts";
import { createEnqueue } from "./jobs/enqueue.ts";
import { createReplicatedEnqueue } from "./jobs/replicated-enqueue.ts";
import { createQueues } from "./jobs/queues.ts";
import { createSettle } from "./jobs/settle.ts";
import { createLedger } from "./ledger/ledger.ts";
import { examineServer } from "./management/doctor.ts";
import { createInspector } from "./management/inspector.ts";
import { createWorkerRegistry } from "./management/worker-registry.ts";
import { createLedgerNotifier } from "./ledger/ledger-watch.ts";
import type { Settings } from "./options/options.ts";
import { createRecordStores } from "./records/record-store.ts";
import { keysOf } from "./scripts/keys.ts";
import { openScripts } from "./scripts/scripts.ts";

/** The longest that `close` waits for Redis; a program that ends must not wait longer. */
const CLOSE_MS = 1_000;

/** What the backend offers beyond the seven verbs. */
export type BullmqBackend = InspectableBackend &
  WorkerRegistryBackend &
  LedgerBackend &
  RecordStoreBackend &
  JobControlBackend & { readonly doctor: Doctor };

/** Opens one process's connections to Redis. */
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
  const { appendOnly, doctor } = await examineServer(connections, settings);
  const keys = keysOf(settings.prefix);
  const scripts = await openScripts(connections, keys);
  const enqueue = createEnqueue(commands, scripts, keys, address);
  const { replicated } = connections;
  const accept =
    replicated === null || settings.replication === null
      ? enqueue
      : createReplicatedEnqueue(
          createEnqueue(replicated, { ...scripts, enqueueJobs: scripts.enqueueJobsOn(replicated) }, keys, address),
          { client: replicated, key: keys.replicated, address, ...settings.replication },
        );
  const queues = createQueues({ connections, scripts, keys, context, enqueue, processId: randomUUID() });
  const notifier = createLedgerNotifier((key) => `${keys.ledger.records}:${key}`, connections.blocking);
  const settle = createSettle(scripts, address, queues.ack);
  const underWay = new Set<Promise<unknown>>();
  const guard = createCloseGuard(address, close);

  /** Calls made before `close` still get their result, if Redis answers in time. */
  async function call<T>(work: () => Promise<T>): Promise<T> {
    guard.assertOpen();
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
    const ended = Promise.allSettled([queues.close(), ...underWay]);
    await Promise.race([ended, deadline]);
    clearTimeout(timer);
    notifier.close();
    connections.cut();
  }

  const recordStore = createRecordStores(commands, keys, call);
  return {
    name: "bullmq",
    address,
    capabilities: capabilitiesOf(appendOnly),
    doctor,
    inspector: createInspector({ commands, scripts, keys, address, call }),
    workerRegistry: createWorkerRegistry(commands, keys, call),
    jobControl: createJobControl(commands, scripts, keys, call),
    ledger: guardedLedger(guard.assertOpen, createLedger(commands, keys, call, notifier.watches)),
    recordStore: (scope) => guardedRecordStore(guard.assertOpen, recordStore(scope)),
    enqueue: (messages) => call(() => accept(messages)),
    lease: (request) => call(() => queues.lease(request)),
    ack: (leases) => call(() => settle.ack(leases)),
    retry: (lease, request) => call(() => settle.retry(lease, request)),
    deadLetter: (lease, reason) => call(() => settle.deadLetter(lease, reason)),
    extend: (leases, leaseMs) => call(() => settle.extend(leases, leaseMs)),
    close: guard.close,
  };
}
