import { once } from "node:events";
import type { Doctor } from "@waybill/core";
import {
  type BackendContext,
  configInvalid,
  createCloseGuard,
  type ExaminableBackend,
  guardedLedger,
  guardedRecordStore,
  type InspectableBackend,
  type JobControlBackend,
  type Lease,
  type LedgerBackend,
  type LedgerInTransaction,
  type Message,
  type RecordStoreBackend,
  type WorkerRegistryBackend,
  tooLong,
  type TransactionalBackend,
} from "@waybill/core/backend";
import { postgresCapabilities } from "./capabilities.ts";
import { openDatabase } from "./connection/database.ts";
import { type Listener, startListener } from "./connection/listener.ts";
import { arrayLiteral, type Query } from "./connection/query.ts";
import { examineServer } from "./connection/server.ts";
import { hasUnusualDefaults } from "./connection/session.ts";
import { addressOf, databaseError, transactionError } from "./errors.ts";
import { createEnqueue } from "./jobs/enqueue.ts";
import { createInbox } from "./jobs/inbox.ts";
import { createJobLeaseWaiters } from "./jobs/lease-waiters.ts";
import { createReadyJobs } from "./jobs/lease.ts";
import { createMaintenance } from "./jobs/maintenance.ts";
import { allQueuesOf, createNotifier } from "./jobs/notifier.ts";
import { createSettle } from "./jobs/settle.ts";
import { createLedger } from "./ledger/ledger.ts";
import { createLedgerNotifier } from "./ledger/ledger-watch.ts";
import { ledgerInTransaction } from "./ledger/ledger-in-transaction.ts";
import { createDoctor } from "./management/doctor.ts";
import { createJobControl } from "./management/job-control.ts";
import { createInspector } from "./management/inspector.ts";
import { createWorkerRegistry } from "./management/worker-registry.ts";
import type { Settings } from "./options/settings.ts";
import { createRecordStore } from "./records/record-store.ts";
import { migrateSchema } from "./schema/migrate.ts";
import { channelOf, ledgerChannelOf } from "./schema/steps.ts";
import { assertTransaction, isBegun, queryOf, type Transaction } from "./transaction.ts";

/** A backend with an inspector, a doctor, a worker registry, a ledger, records, job control, `enqueueIn` and `completeIn`. */
export interface PostgresBackend
  extends
    InspectableBackend,
    ExaminableBackend,
    WorkerRegistryBackend,
    LedgerBackend,
    RecordStoreBackend,
    JobControlBackend,
    TransactionalBackend {
  /** Does the same as `enqueue` once the transaction commits. */
  enqueueIn(transaction: Transaction, messages: readonly Message[]): ReturnType<InspectableBackend["enqueue"]>;
  /** Does the same as `ack` of one lease once the transaction commits. Rejects `LEASE_LOST`. */
  completeIn(transaction: Transaction, lease: Lease): Promise<void>;
  /** The ledger within the transaction. */
  ledgerIn(transaction: Transaction): LedgerInTransaction;
}

/** How long `close` waits for running statements, in milliseconds. */
const CLOSE_MS = 1_500;

/** Opens the database, migrates its schema and starts to listen. Rejects `CONFIG_INVALID` or `BACKEND_UNAVAILABLE`. */
export async function openPostgres(settings: Settings, context: BackendContext): Promise<PostgresBackend> {
  const { schema, connections } = settings;
  const address = addressOf(settings.url, schema);
  const database = openDatabase(settings);
  const capabilities = postgresCapabilities(settings.connections);
  let listener: Listener | null = null;
  const isListening = (): boolean => listener?.isListening() ?? false;

  /** Runs also while the backend closes, to release what a last look leased. */
  const lastQuery: Query = async (text, values) => {
    try {
      return await database.query(text, values);
    } catch (thrown) {
      throw databaseError(thrown, address, "use");
    }
  };
  const query: Query = async (text, values) => {
    guard.assertOpen();
    return lastQuery(text, values);
  };

  /** Returns what runs statements in a transaction of the caller. Only the caller can repeat those after a conflict. */
  async function queryIn(transaction: Transaction): Promise<Query> {
    assertTransaction(transaction);
    const run: Query = async (text, values) => {
      try {
        return await queryOf(transaction)(text, values);
      } catch (thrown) {
        throw transactionError(thrown, address);
      }
    };
    // Outside a transaction the server refuses a LOCK. This one blocks nothing, and our statement takes it anyway.
    if (!isBegun(transaction)) await run(`LOCK TABLE "${schema}".jobs IN ACCESS SHARE MODE`);
    return run;
  }

  const enqueue = createEnqueue(schema, capabilities);
  const settle = createSettle(schema, capabilities, settings.maxCount > 0 && settings.maxAgeMs > 0);
  const maintenance = createMaintenance(query, settings, createInbox(database, schema, context, enqueue));
  const pollMs = (): number => (isListening() ? Infinity : settings.pollMs);
  const waiters = createJobLeaseWaiters(createReadyJobs(lastQuery, schema), maintenance, pollMs, context.report);
  /** The queues whose leases are limited, as far as this process has leased from them. */
  const limitedQueues = new Set<string>();
  const notifier = createNotifier(
    (queues) => {
      // With the server away, waiting calls of other processes look by themselves before long.
      query(`SELECT "${schema}".notify_queues($1::text::text[])`, [arrayLiteral(queues)]).catch(() =>
        waiters.wakeAll(),
      );
    },
    waiters,
    limitedQueues,
  );
  const received = (queue: string): void => (queue === "" ? waiters.maintain() : waiters.wake(queue));
  const ledgerChannel = ledgerChannelOf(schema);
  const ledgerNotifier = createLedgerNotifier(lastQuery, ledgerChannel, () => listener);

  const guard = createCloseGuard(address, async () => {
    const until = performance.now() + CLOSE_MS;
    notifier.close();
    ledgerNotifier.close();
    listener?.close();
    // With the server away, jobs of the last looks become ready when their leases end.
    await Promise.race([waiters.dismiss(), once(AbortSignal.timeout(CLOSE_MS / 2), "abort")]);
    await database.close(until - performance.now());
  });

  async function open(): Promise<Doctor> {
    try {
      const server = await examineServer(database.query, address);
      if (await hasUnusualDefaults(database.query)) database.distrustDefaults();
      await migrateSchema(database, schema, settings.migrate);
      if (settings.listenUrl !== null) await listen(settings.listenUrl);
      return createDoctor(query, settings, server, isListening);
    } catch (thrown) {
      await guard.close();
      throw databaseError(thrown, address, "open");
    }
  }

  async function listen(url: string): Promise<void> {
    const reconnected = waiters.wakeAll;
    listener = await startListener({
      url,
      channel: channelOf(schema),
      query,
      received: (payload, channel) =>
        channel === ledgerChannel ? ledgerNotifier.watches.changed(payload) : received(payload),
      reconnected,
    });
    if (listener !== null || !settings.mustListen) return;
    const remedy = "name the server itself there, not a pooler";
    throw configInvalid(`${address}: notifications do not arrive at the "listen" URL; ${remedy}`);
  }

  const doctor = await open();
  return {
    name: "postgres",
    address,
    capabilities,
    doctor,
    workerRegistry: createWorkerRegistry(query, schema),
    inspector: createInspector(query, schema, received),
    jobControl: createJobControl(query, schema, (delayMs) => {
      if (delayMs > 0) waiters.expect(delayMs);
      else waiters.wakeAll();
    }),
    ledger: guardedLedger(guard.assertOpen, {
      ...createLedger(query, schema, ledgerNotifier.notify),
      ...(listener !== null && { watch: ledgerNotifier.watches.watch }),
    }),
    recordStore: (scope) =>
      guardedRecordStore(guard.assertOpen, createRecordStore({ query, database, schema, connections }, scope)),
    ...guard.verbs({
      async enqueue(messages) {
        if (messages.length === 0) return [];
        const results = await enqueue(query, messages, notifier.queuesOf(messages));
        notifier.wake(messages);
        return results;
      },
      lease(request) {
        const { maxLeaseMs } = capabilities;
        if (request.leaseMs > maxLeaseMs) throw tooLong("lease", "any", request.leaseMs, maxLeaseMs);
        if (request.queueConcurrency !== undefined) limitedQueues.add(request.queue);
        return waiters.lease(request);
      },
      async ack(leases) {
        const results = await settle.ack(query, leases);
        notifier.freed(leases);
        return results;
      },
      async retry(lease, request) {
        const stored = [{ queue: lease.queue, delayMs: request.delayMs }];
        await settle.retry(query, lease, request, notifier.queuesOf(stored));
        notifier.wake(stored);
        notifier.freed([lease]);
      },
      async deadLetter(lease, reason) {
        await settle.deadLetter(query, lease, reason);
        notifier.freed([lease]);
      },
      extend: (leases, leaseMs) => settle.extend(query, leases, leaseMs),
    }),
    async enqueueIn(transaction, messages) {
      return enqueue(await queryIn(transaction), messages, allQueuesOf(messages));
    },
    ledgerIn(transaction) {
      guard.assertOpen();
      return ledgerInTransaction(() => queryIn(transaction), schema);
    },
    async completeIn(transaction, lease) {
      const [result] = await settle.ack(await queryIn(transaction), [lease]);
      if (result && !result.ok) throw result.error;
    },
    close: guard.close,
  };
}
