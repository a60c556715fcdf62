import { WaybillError } from "@waybill/core";
import type {
  BackendContext,
  ExaminableBackend,
  InspectableBackend,
  RosterBackend,
  TransactionalBackend,
} from "@waybill/core/backend";
import { sqliteCapabilities } from "./capabilities.ts";
import { createClaim } from "./claim.ts";
import { createCommitGroup } from "./commit-group.ts";
import { createDoctor } from "./doctor.ts";
import { createEnqueue } from "./enqueue.ts";
import { fileError } from "./errors.ts";
import { createInbox } from "./inbox.ts";
import { createInspector } from "./inspector.ts";
import { openFile } from "./open-file.ts";
import type { Settings } from "./options.ts";
import { createRetention } from "./retention.ts";
import { createRoster } from "./roster.ts";
import { createSettle } from "./settle.ts";
import { createSharedTransactions } from "./transaction.ts";
import { createUpkeep } from "./upkeep.ts";
import { createWaiting } from "./waiting.ts";
import { createWake } from "./wake.ts";

/** What the backend offers beyond the seven verbs. */
export type SqliteBackend = InspectableBackend & ExaminableBackend & RosterBackend & TransactionalBackend;

/** One connection to the file. `now` is Unix ms, whole. */
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
  const shared = createSharedTransactions(file, settings, now);
  const upkeep = createUpkeep(db, now, retention, createInbox(db, file, now, context, enqueue));
  const wake = createWake({
    db,
    wal: `${file}-wal`,
    now,
    pollMs: settings.pollMs,
    look: () => group.nudge(),
    over: () => waiting.expire(),
    failed: (error) => waiting.failed(fileError(error, file, "use")),
  });
  const waiting = createWaiting(createClaim(db, now), upkeep, wake, () => group.nudge());
  const group = createCommitGroup(db, file, settings.busyTimeoutMs, waiting);
  let closing: Promise<void> | undefined;

  function ensureOpen(): void {
    if (closing !== undefined) {
      throw new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);
    }
  }

  function read<T>(work: () => T): T {
    ensureOpen();
    try {
      return work();
    } catch (thrown) {
      throw fileError(thrown, file, "use");
    }
  }

  async function write<T>(work: () => T): Promise<T> {
    ensureOpen();
    return group.write(work);
  }

  /** Writes under way are finished first. SQLite itself tidies the -wal file when the last process closes. */
  async function close(): Promise<void> {
    waiting.dismiss();
    await group.settled();
    wake.close();
    db.close();
  }

  return {
    name: "sqlite",
    address,
    capabilities: sqliteCapabilities,
    inspector: createInspector(db, now, group, read),
    doctor: createDoctor(db, file, settings),
    roster: createRoster(db, now, write, read),
    enqueue: (messages) => write(() => enqueue(messages)),
    async lease(request) {
      ensureOpen();
      return waiting.lease(request);
    },
    ack: (leases) => write(() => settle.ack(leases)),
    retry: (lease, request) => write(() => settle.retry(lease, request)),
    deadLetter: (lease, reason) => write(() => settle.deadLetter(lease, reason)),
    extend: (leases, leaseMs) => write(() => settle.extend(leases, leaseMs)),
    async enqueueIn(transaction, messages) {
      ensureOpen();
      return shared.enqueueIn(transaction, messages);
    },
    async completeIn(transaction, lease) {
      ensureOpen();
      return shared.completeIn(transaction, lease);
    },
    close: () => (closing ??= close()),
  };
}
