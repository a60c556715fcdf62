import { monotonicMs, wallMs } from "../clock.ts";
import type { Answer, Lease, Message, Receipt } from "../backend.ts";
import { WaybillError } from "../errors.ts";
import type { InspectableBackend } from "../inspector.ts";
import type { RosterBackend } from "../roster.ts";
import { createInspector } from "./inspector.ts";
import { createRoster } from "./roster.ts";
import { createGate, tooLong } from "./limits.ts";
import type { Store } from "./store.ts";
import { type Stored, storedOf } from "./stored.ts";

/** One connection to a store: the seven verbs. */
export function openMemory(store: Store, address: string): InspectableBackend & RosterBackend {
  const { has } = store;
  const owner = {};
  let closed = false;

  function ensureOpen(): void {
    if (closed) throw new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);
  }

  function put(message: Message): Answer<Receipt> {
    const twin = has.uniqueIds ? store.ids.get(message.id) : undefined;
    if (twin !== undefined) {
      if (twin.message.body !== message.body) return { ok: false, error: conflict(message.id) };
      return { ok: true, value: { id: message.id, stored: false } };
    }
    const stored = storedOf(message, store.nextSeq());
    if (has.uniqueIds) store.ids.set(message.id, stored);
    store.queue(message.queue).state.place(stored, message.delayMs);
    return { ok: true, value: { id: message.id, stored: true } };
  }

  /** The message behind a lease that is still ours; undefined when it ran out, was settled, or belongs to another connection. */
  function held(lease: Lease): Stored | undefined {
    const stored = store.leases.get(lease.token);
    if (stored === undefined || stored.at <= monotonicMs()) return undefined;
    return has.maxLeaseMs === 0 && stored.owner !== owner ? undefined : stored;
  }

  function unlease(lease: Lease): Stored {
    ensureOpen();
    const stored = held(lease);
    if (stored === undefined) throw lost(lease);
    store.queue(stored.message.queue).state.unlease(stored);
    return stored;
  }

  function done(lease: Lease): Answer<null> {
    const stored = held(lease);
    if (stored === undefined) return { ok: false, error: lost(lease) };
    store.queue(stored.message.queue).state.unlease(stored);
    store.ids.delete(stored.message.id);
    return { ok: true, value: null };
  }

  function prolong(lease: Lease, leaseMs: number): Answer<number | null> {
    const stored = held(lease);
    if (stored === undefined) return { ok: false, error: lost(lease) };
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

  return {
    name: "memory",
    address,
    capabilities: has,
    inspector: createInspector(store, ensureOpen),
    roster: createRoster(store, ensureOpen),

    async enqueue(messages) {
      ensureOpen();
      const excessOf = createGate(has);
      const queues = new Set<string>();
      const answers = messages.map((message) => {
        const error = excessOf(message);
        queues.add(message.queue);
        return error === null ? put(message) : { ok: false as const, error };
      });
      for (const name of queues) store.queue(name).waiters.deliver();
      return answers;
    },

    async lease(request) {
      ensureOpen();
      if (request.signal.aborted) return [];
      if (has.maxLeaseMs !== 0 && request.leaseMs > has.maxLeaseMs) {
        throw tooLong("lease", request.queue, request.leaseMs, has.maxLeaseMs);
      }
      const { state, waiters } = store.queue(request.queue);
      const found = state.take(request, owner);
      return found.length > 0 || request.waitMs <= 0 ? found : waiters.wait(request, owner);
    },

    async ack(leases) {
      ensureOpen();
      return leases.map(done);
    },

    async retry(lease, { delayMs, countsAttempt }) {
      if (delayMs > has.maxRetryDelayMs) throw tooLong("retry delay", lease.id, delayMs, has.maxRetryDelayMs);
      const stored = unlease(lease);
      if (countsAttempt) stored.attempt += 1;
      else stored.releases += 1;
      const { state, waiters } = store.queue(stored.message.queue);
      state.place(stored, delayMs);
      waiters.deliver();
    },

    async deadLetter(lease, reason) {
      const stored = unlease(lease);
      const short = { code: reason.code, message: reason.message.slice(0, 2_000) };
      store.dead.add({ stored, reason: short, diedAt: wallMs() });
    },

    async extend(leases, leaseMs) {
      ensureOpen();
      return leases.map((lease) => prolong(lease, leaseMs));
    },

    async close() {
      if (closed) return;
      closed = true;
      for (const { waiters } of store.queues.values()) waiters.dismiss(owner);
      if (has.maxLeaseMs !== 0) return;
      for (const stored of store.leases.values()) {
        if (stored.owner === owner) store.queue(stored.message.queue).state.lose(stored);
      }
      for (const { waiters } of store.queues.values()) waiters.deliver();
    },
  };
}

const conflict = (id: string): WaybillError =>
  new WaybillError("ID_CONFLICT", `job "${id}" is already there with another body; give the new job an id of its own`);

const lost = (lease: Lease): WaybillError =>
  new WaybillError("LEASE_LOST", `the lease on job "${lease.id}" is no longer ours: it ran out or was settled`);
