import { setTimeout as sleep } from "node:timers/promises";
import { type Result, WaybillError } from "@waybill/core";
import type { Backend, Lease, Message } from "@waybill/core/backend";

const limits = { maxDelayMs: Infinity, maxRetryDelayMs: Infinity, maxLeaseMs: Infinity, maxInFlight: Infinity };
const sizes = { maxBodyBytes: Infinity, maxBatch: Infinity, maxBatchBytes: Infinity, priorityLevels: 201 };
const promises = { uniqueIds: true, countsLost: true, countsReleases: true, ordering: "fifo", durable: false } as const;

/** `at`: available from then on, by the monotonic clock. A token that is still set after `at` means a lost lease. */
type Row = Omit<Lease, "expiresAt" | "token"> & { at: number; token: object | null };

const now = () => performance.now();
const after = (delayMs: number) => ({ at: now() + delayMs, dueAt: delayMs > 0 ? Date.now() + delayMs : null });

/** Creates a store in a Map. Returns a factory that opens a connection to it. */
export function mapBackend(): () => Promise<Backend> {
  const rows = new Map<string, Row>();
  const ready = (queue: string) => [...rows.values()].filter((row) => row.queue === queue && row.at <= now());

  function put({ delayMs, ...label }: Message): Result<{ id: string; stored: boolean }> {
    const twin = rows.get(label.id);
    const error = new WaybillError("ID_CONFLICT", `job "${label.id}" is already there with another body`);
    if (twin && twin.body !== label.body) return { ok: false, error };
    if (!twin) rows.set(label.id, { ...label, ...after(delayMs), attempt: 1, lost: 0, releases: 0, token: null });
    return { ok: true, value: { id: label.id, stored: !twin } };
  }
  function leaseRow(row: Row, leaseMs: number): Lease {
    Object.assign(row, { token: {}, at: now() + leaseMs, lost: row.lost + (row.token ? 1 : 0) });
    return { ...row, expiresAt: Date.now() + leaseMs };
  }
  /** Changes the row, or removes it for null, if the token is that of its lease: the job may be leased again by now. */
  function settle<T>(lease: Lease, change: Partial<Row> | null, value: T): Result<T> {
    const row = rows.get(lease.id);
    const error = new WaybillError("LEASE_LOST", `the lease on job "${lease.id}" has ended`);
    if (!row || row.token !== lease.token || row.at <= now()) return { ok: false, error };
    if (change) Object.assign(row, change);
    else rows.delete(lease.id);
    return { ok: true, value };
  }

  return async () => {
    const closing = new AbortController();
    const open = <T>(work: () => T): T => {
      if (closing.signal.aborted) throw new WaybillError("BACKEND_CLOSED", "this backend was closed; connect again");
      return work();
    };
    const must = (result: Result<null>) => (result.ok ? Promise.resolve() : Promise.reject(result.error));
    return {
      name: "map",
      address: "map:",
      capabilities: { ...limits, ...sizes, ...promises },
      enqueue: async (messages) => open(() => messages.map(put)),
      async lease({ queue, limit, leaseMs, waitMs, signal }) {
        const ended = open(() => AbortSignal.any([signal, closing.signal]));
        for (const until = now() + waitMs; !ended.aborted; await sleep(5)) {
          const found = ready(queue).sort((a, b) => b.priority - a.priority || a.at - b.at);
          if (found.length > 0 || now() >= until) return found.slice(0, limit).map((row) => leaseRow(row, leaseMs));
        }
        return [];
      },
      ack: async (leases) => open(() => leases.map((one) => settle(one, null, null))),
      async retry(lease, { delayMs, countsAttempt }) {
        const counts = countsAttempt ? { attempt: lease.attempt + 1 } : { releases: lease.releases + 1 };
        await open(() => must(settle(lease, { ...after(delayMs), ...counts, token: null }, null)));
      },
      // A real store keeps `reason` beside the body.
      deadLetter: async (lease) => open(() => must(settle(lease, { at: Infinity, token: null }, null))),
      extend: async (leases, ms) => open(() => leases.map((one) => settle(one, { at: now() + ms }, Date.now() + ms))),
      close: async () => closing.abort(),
    };
  };
}
