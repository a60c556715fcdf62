import {
  type BackendContext,
  createCloseGuard,
  type ExaminableBackend,
  guardedLedger,
  guardedRecordStore,
  type JobControlBackend,
  type InspectableBackend,
  type LedgerBackend,
  type RecordStoreBackend,
  type WorkerRegistryBackend,
  type TransactionalBackend,
} from "@waybill/core/backend";
import { sqliteCapabilities } from "./capabilities.ts";
import { fileError } from "./errors.ts";
import { createCommitGroup } from "./file/commit-group.ts";
import { createNotifier } from "./file/notifier.ts";
import { openFile } from "./file/open-file.ts";
import { createEnqueue } from "./jobs/enqueue.ts";
import { createGate } from "./jobs/gate.ts";
import { createInbox } from "./jobs/inbox.ts";
import { createFileLeaseWaiters } from "./jobs/lease-waiters.ts";
import { createReadyJobs } from "./jobs/lease.ts";
import { createLimitKeys } from "./jobs/limit-keys.ts";
import { createLimitSweep } from "./jobs/limit-sweep.ts";
import { createMaintenance } from "./jobs/maintenance.ts";
import { createRetention } from "./jobs/retention.ts";
import { createSettle } from "./jobs/settle.ts";
import { createLedger } from "./ledger/ledger.ts";
import { createFileWatches } from "./ledger/ledger-watch.ts";
import { createLedgerSweep } from "./ledger/ledger-sweep.ts";
import { createUniqueSweep } from "./jobs/unique.ts";
import { createDoctor } from "./management/doctor.ts";
import { createInspector } from "./management/inspector.ts";
import { createJobControl } from "./management/job-control.ts";
import { createWorkerRegistry } from "./management/worker-registry.ts";
import { createRecordStore } from "./records/record-store.ts";
import type { Settings } from "./options/options.ts";
import { createCallerTransactions } from "./transaction.ts";

/** A backend with an inspector, a doctor, a worker registry, a ledger, records, job control, `enqueueIn` and `completeIn`. */
export type SqliteBackend = InspectableBackend &
  ExaminableBackend &
  WorkerRegistryBackend &
  LedgerBackend &
  RecordStoreBackend &
  JobControlBackend &
  TransactionalBackend;

/** Opens one connection to the file. `now` returns whole Unix milliseconds. */
export async function openSqlite(
  settings: Settings,
  context: BackendContext,
  now: () => number = Date.now,
): Promise<SqliteBackend> {
  const { db, file } = await openFile(settings);
  const address = `sqlite:${settings.path}`;
  const retention = createRetention(db, now, settings);
  const enqueue = createEnqueue(db, now);
  const settle = createSettle(db, now, retention);
  const transactions = createCallerTransactions(file, settings, now);
  const limitKeys = createLimitKeys(db);
  const limitSweep = createLimitSweep(db, limitKeys);
  const maintenance = createMaintenance(db, now, retention, createInbox(db, file, now, context, enqueue), [
    createLedgerSweep(db, now),
    createUniqueSweep(db, now),
    limitSweep,
  ]);
  const notifier = createNotifier({
    db,
    wal: `${file}-wal`,
    now,
    pollMs: settings.pollMs,
    wake: () => group.schedule(),
    failed: (error) => waiters.failed(fileError(error, file, "use")),
  });
  const ready = createReadyJobs(db, now, createGate(db, limitKeys, limitSweep));
  const waiters = createFileLeaseWaiters(ready, maintenance, notifier, () => group.schedule());
  const group = createCommitGroup(db, file, settings.busyTimeoutMs, waiters);
  const watches = createFileWatches(db);
  /** Commits the writes that have begun. SQLite itself removes the -wal file when the last process closes. */
  const guard = createCloseGuard(address, async () => {
    waiters.dismiss();
    await group.settled();
    notifier.close();
    watches.close();
    db.close();
  });

  function read<T>(query: () => T): T {
    guard.assertOpen();
    try {
      return query();
    } catch (thrown) {
      throw fileError(thrown, file, "use");
    }
  }

  async function write<T>(work: () => T): Promise<T> {
    guard.assertOpen();
    return group.write(work);
  }

  return {
    name: "sqlite",
    address,
    capabilities: sqliteCapabilities,
    inspector: createInspector(db, now, group, read),
    doctor: createDoctor(db, file, settings),
    workerRegistry: createWorkerRegistry(db, now, write, read),
    jobControl: createJobControl(db, now, write, read, maintenance),
    ledger: guardedLedger(guard.assertOpen, createLedger(db, now, write, read, watches)),
    recordStore: (scope) => guardedRecordStore(guard.assertOpen, createRecordStore(db, scope, write, read)),
    ...guard.verbs({
      enqueue: (messages) => group.write(() => enqueue(messages)),
      lease: waiters.lease,
      ack: (leases) => group.write(() => settle.ack(leases)),
      retry: (lease, request) => group.write(() => settle.retry(lease, request)),
      deadLetter: (lease, reason) => group.write(() => settle.deadLetter(lease, reason)),
      extend: (leases, leaseMs) => group.write(() => settle.extend(leases, leaseMs)),
    }),
    async enqueueIn(transaction, messages) {
      guard.assertOpen();
      return transactions.enqueueIn(transaction, messages);
    },
    ledgerIn(transaction) {
      guard.assertOpen();
      return transactions.ledgerIn(transaction);
    },
    async completeIn(transaction, lease) {
      guard.assertOpen();
      return transactions.completeIn(transaction, lease);
    },
    close: guard.close,
  };
}
