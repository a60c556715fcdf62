import { monotonicMs, wallMs } from "../time/clock.ts";
import type { Result, Lease, Message, Receipt } from "../backend/contract.ts";
import type { LedgerBackend } from "../backend/ledger.ts";
import { createCloseGuard } from "../backend/shared/close-guard.ts";
import { guardedLedger } from "../backend/shared/guarded-ledger.ts";
import { guardedRecordStore } from "../backend/shared/guarded-record-store.ts";
import type { RecordStoreBackend } from "../backend/record-store.ts";
import { createLimitCheck, idConflict, leaseLost, tooLong } from "../backend/shared/refusals.ts";
import type { InspectableBackend } from "../backend/inspector.ts";
import type { JobControlBackend } from "../backend/job-control.ts";
import type { WorkerRegistryBackend } from "../backend/worker-registry.ts";
import { createInspector } from "./inspector.ts";
import { createJobControl } from "./job-control.ts";
import { createWorkerRegistry } from "./worker-registry.ts";
import type { Store } from "./store.ts";
import { type Stored, storedOf } from "./stored.ts";
import { conflictOf } from "./unique-conflict.ts";

/** What one connection offers: everything that a backend may, but `jobControl` only where ids are unique. */
export type MemoryBackend = InspectableBackend &
  WorkerRegistryBackend &
  LedgerBackend &
  RecordStoreBackend &
  Partial<JobControlBackend>;

/** Opens one connection to a store. */
export function openMemory(store: Store, address: string): MemoryBackend {
  const { has } = store;
  const owner = {};
  const guard = createCloseGuard(address, close);

  function put(message: Message): Result<Receipt> {
    const twin = has.uniqueIds ? store.ids.get(message.id) : undefined;
    if (twin !== undefined) {
      if (twin.message.body !== message.body) return { ok: false, error: idConflict(message.id) };
      return { ok: true, value: { id: message.id, stored: false } };
    }
    const rival = store.uniqueKeys.rivalOf(message);
    const refusal = rival === null ? null : conflictOf(message, rival);
    if (refusal !== null) return refusal;
    if (rival !== null) remove(rival);
    const stored = storedOf(message, store.nextSeq());
    if (has.uniqueIds) store.ids.set(message.id, stored);
    store.uniqueKeys.take(stored);
    store.queue(message.queue).state.place(stored, message.delayMs);
    const receipt: Receipt = { id: message.id, stored: true };
    return { ok: true, value: rival === null ? receipt : { ...receipt, replaced: rival.message.id } };
  }

  /** Removes a message that waits, for good. */
  function remove(stored: Stored): void {
    stored.isUntouched = false;
    store.queue(stored.message.queue).state.remove(stored);
    store.ids.delete(stored.message.id);
  }

  /** Returns the message of a running lease; undefined when it ran out, was settled, or belongs to another connection. */
  function leased(lease: Lease): Stored | undefined {
    const stored = store.leases.get(lease.token);
    if (stored === undefined || stored.at <= monotonicMs()) return undefined;
    return has.maxLeaseMs === 0 && stored.owner !== owner ? undefined : stored;
  }

  function unlease(lease: Lease): Stored {
    const stored = leased(lease);
    if (stored === undefined) throw leaseLost(lease.id);
    store.queue(stored.message.queue).state.unlease(stored);
    return stored;
  }

  /** The lease of this job has ended: others may wait for its keys, or for a slot of its queue. */
  function deliverAfter({ message }: Stored): void {
    store.queue(message.queue).waiters.leaseEnded();
    store.deliverWoken();
  }

  function done(lease: Lease): Result<null> {
    const stored = leased(lease);
    if (stored === undefined) return { ok: false, error: leaseLost(lease.id) };
    store.queue(stored.message.queue).state.unlease(stored);
    store.ids.delete(stored.message.id);
    store.uniqueKeys.ended(stored);
    deliverAfter(stored);
    return { ok: true, value: null };
  }

  function prolong(lease: Lease, leaseMs: number): Result<number | null> {
    const stored = leased(lease);
    if (stored === undefined) return { ok: false, error: leaseLost(lease.id) };
    if (has.maxLeaseMs === 0) return { ok: true, value: null };
    const now = monotonicMs();
    if (now + leaseMs > stored.leasedAt + has.maxLeaseMs) {
      return { ok: false, error: tooLong("lease", lease.id, leaseMs, has.maxLeaseMs) };
    }
    const { state, waiters } = store.queue(stored.message.queue);
    state.prolong(stored, now + leaseMs);
    waiters.deliver();
    return { ok: true, value: wallMs() + leaseMs };
  }

  async function close(): Promise<void> {
    for (const { waiters } of store.queues.values()) waiters.dismiss(owner);
    if (has.maxLeaseMs !== 0) return;
    for (const stored of store.leases.values()) {
      if (stored.owner === owner) store.queue(stored.message.queue).state.lose(stored);
    }
    for (const { waiters } of store.queues.values()) waiters.deliver();
  }

  const verbs = guard.verbs({
    enqueue(messages) {
      const excessOf = createLimitCheck(has);
      const queues = new Set<string>();
      const results = messages.map((message) => {
        const error = excessOf(message);
        queues.add(message.queue);
        return error === null ? put(message) : { ok: false as const, error };
      });
      for (const name of queues) store.queue(name).waiters.deliver();
      return results;
    },

    lease(request) {
      if (request.signal.aborted) return [];
      if (has.maxLeaseMs !== 0 && request.leaseMs > has.maxLeaseMs) {
        throw tooLong("lease", request.queue, request.leaseMs, has.maxLeaseMs);
      }
      const { state, waiters } = store.queue(request.queue);
      if (state.hasLines()) for (const other of store.queues.values()) other.state.advance();
      const found = state.lease(request, owner);
      store.deliverWoken();
      return found.length > 0 || request.waitMs <= 0 ? found : waiters.wait(request, owner);
    },

    ack: (leases) => leases.map(done),

    retry(lease, { delayMs, countsAttempt }) {
      if (delayMs > has.maxRetryDelayMs) throw tooLong("retry delay", lease.id, delayMs, has.maxRetryDelayMs);
      const stored = unlease(lease);
      if (countsAttempt) stored.attempt += 1;
      else stored.releases += 1;
      const { state, waiters } = store.queue(stored.message.queue);
      state.place(stored, delayMs);
      waiters.deliver();
      store.deliverWoken();
    },

    deadLetter(lease, reason) {
      const stored = unlease(lease);
      store.uniqueKeys.ended(stored);
      const short = { ...reason, message: reason.message.slice(0, 2_000) };
      store.dead.add({ stored, reason: short, diedAt: wallMs() });
      deliverAfter(stored);
    },

    extend: (leases, leaseMs) => leases.map((lease) => prolong(lease, leaseMs)),
  });

  return {
    name: "memory",
    address,
    capabilities: has,
    inspector: createInspector(store, guard.assertOpen),
    workerRegistry: createWorkerRegistry(store, guard.assertOpen),
    ledger: guardedLedger(guard.assertOpen, store.ledger),
    recordStore: (scope) => guardedRecordStore(guard.assertOpen, store.records(scope)),
    ...(has.uniqueIds ? { jobControl: createJobControl(store, guard.assertOpen) } : {}),
    ...verbs,
    close: guard.close,
  };
}
