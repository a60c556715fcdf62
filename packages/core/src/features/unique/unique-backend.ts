import type { Backend, Lease, Message, Receipt, Report, Result, UniqueKey } from "../../backend/contract.ts";
import { isNotStored, notStored } from "../../backend/not-stored.ts";
import { asUnavailable } from "../../backend/as-unavailable.ts";
import { inspectorOf } from "../../backend/inspector.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { DuplicateJobError, isWaybillError, type WaybillError } from "../../errors.ts";
import { pause } from "../../time/pause.ts";
import { withTimeout } from "../../time/time-limit.ts";
import { toError } from "../../values/thrown.ts";
import { createDeliveredKeys } from "./delivered-keys.ts";
import { createKeyEnds } from "./key-ends.ts";
import { innerOf, keyedLease } from "./keyed-lease.ts";
import { IDLE_MS } from "./key-record.ts";
import { createLedgerKeys, type KeyedMessage, recordKey, type Reservation } from "./ledger-keys.ts";
import { uniqueOfBody } from "./unique-of-body.ts";
import { keyedInspector } from "./keyed-inspector.ts";

/** A delivered job waits this long at most for the ledger, and those that were leased with it. */
const JUDGE_MS = 3_000;

const isKeyed = (message: Message): message is Message & KeyedMessage => message.unique !== undefined;

export interface UniqueBackendSettings {
  readonly ledger: Ledger;
  readonly report: Report;
  /** Returns the unique key of a delivered job; null for none. Default: that of its envelope. */
  readonly uniqueOf?: (job: Pick<Lease, "id" | "body" | "damage">) => UniqueKey | null;
}

/**
 * Returns the backend with unique keys, which a ledger keeps. The key is reserved before the job is stored, for 30 s, and is
 * then taken while the job gives signs of life: a delivery, a settle. A job that gives none for a week, or for as long as the
 * backend keeps messages, has lost it. A job that was replaced stays in its queue and is removed when it is delivered.
 */
export function withUniqueKeys(backend: Backend, settings: UniqueBackendSettings): Backend {
  const { ledger, report, uniqueOf = uniqueOfBody } = settings;
  const { capabilities } = backend;
  const idleMs = capabilities.maxWaitMs ?? IDLE_MS;
  const keys = createLedgerKeys(ledger, idleMs);
  const delivered = createDeliveredKeys(ledger, idleMs);
  const inspector = inspectorOf(backend);
  /** Ends what is tried again in the background, which would keep the process alive. */
  const closed = new AbortController();
  const ends = createKeyEnds(backend, delivered, report, closed.signal);

  async function enqueue(messages: readonly Message[]): Promise<Result<Receipt>[]> {
    if (!messages.some(isKeyed)) return backend.enqueue(messages);
    const results = new Map<unknown, Result<Receipt>>();
    const reserved = new Map<unknown, Reservation>();
    // Jobs of the same key in their order, one after the other.
    const byKey = new Map<string, KeyedMessage[]>();
    for (const message of messages.filter(isKeyed)) {
      const key = recordKey(message.type, message.unique.key);
      byKey.set(key, [...(byKey.get(key) ?? []), message]);
    }
    /** A job of this call, and the later one of this call that takes its place: the first need not be stored. */
    const within: { readonly first: KeyedMessage; readonly second: KeyedMessage }[] = [];
    await Promise.all(
      [...byKey.values()].map(async (equal) => {
        for (const second of equal) {
          const result = await reserveFor(second, reserved);
          if (result !== null) results.set(second, result);
          const overtaken = reserved.get(second)?.overtaken;
          const first = equal.find((one) => one.id === overtaken && reserved.has(one));
          if (first === undefined) continue;
          reserved.delete(first);
          within.push({ first, second });
        }
      }),
    );
    const replacedHere = new Set<unknown>(within.map(({ first }) => first));
    const left = messages.filter((message) => !results.has(message) && !replacedHere.has(message));
    const stored = left.length === 0 ? [] : await backend.enqueue(left);
    await Promise.all(
      left.map(async (message, at) => {
        const reservation = reserved.get(message);
        const result = stored[at] as Result<Receipt>;
        results.set(
          message,
          reservation && isKeyed(message) ? await settledReservation(message, reservation, result) : result,
        );
      }),
    );
    // The last one first: what became of it decides about those before.
    for (const { first, second } of within.toReversed()) {
      const result = results.get(second) as Result<Receipt>;
      const { id } = first;
      if (!result.ok) {
        results.set(first, result);
        continue;
      }
      // The job that was stored before this call lost its place to the first.
      const { replaced } = result.value;
      results.set(second, { ok: true, value: { ...result.value, replaced: id } });
      results.set(first, { ok: true, value: { id, stored: true, ...(replaced !== undefined && { replaced }) } });
    }
    return messages.map((message) => results.get(message) as Result<Receipt>);
  }

  /** Reserves the key. Returns the result of a message that is not to be stored; null for one that is. */
  async function reserveFor(
    message: KeyedMessage,
    reserved: Map<unknown, Reservation>,
  ): Promise<Result<Receipt> | null> {
    const { id, unique } = message;
    try {
      const result = await keys.reserve(message);
      if (result.kind === "own") return { ok: true, value: { id, stored: false } };
      if (result.kind === "reserved") reserved.set(message, result.reservation);
      if (result.kind === "reserved") return null;
      if (unique.onConflict !== "ignore") return { ok: false, error: new DuplicateJobError(id, result.by) };
      return { ok: true, value: { id, stored: false, duplicateOf: result.by } };
    } catch (thrown) {
      return { ok: false, error: notStored(asUnavailable(thrown)) };
    }
  }

  async function settledReservation(
    message: KeyedMessage,
    reservation: Reservation,
    result: Result<Receipt>,
  ): Promise<Result<Receipt>> {
    try {
      if (result.ok) {
        const by = await withRetries(() => keys.confirm(message, reservation));
        if (by !== null) return { ok: false, error: new DuplicateJobError(message.id, by) };
      } else if (result.error.code !== "BACKEND_UNAVAILABLE" || isNotStored(result.error)) {
        await keys.undo(message, reservation);
      }
    } catch (thrown) {
      report.failed("unique keys", toError(thrown));
      // It may run, or another may have its key by the time it is delivered.
      if (result.ok) return { ok: false, error: asUnavailable(thrown) };
    }
    if (!result.ok || reservation.old === null) return result;
    return { ok: true, value: { ...result.value, replaced: reservation.old } };
  }

  async function judged(lease: Lease): Promise<Lease | null> {
    const unique = uniqueOf(lease);
    if (unique === null) return keyedLease(lease, null);
    try {
      const result = await withTimeout(delivered.deliver(lease, unique), JUDGE_MS);
      report.succeeded("unique keys");
      if (result.kind === "run") return keyedLease(lease, result.kept);
      if (result.kind === "drop") await backend.ack([lease]);
      else await deadLetter(lease, result.error);
    } catch (thrown) {
      report.failed("unique keys", toError(thrown));
      void release(lease);
    }
    return null;
  }

  /**
   * Releases a job that cannot be judged now, in the background: it must not hold up the others. Tried again while it fails,
   * since a lease that lasts as long as the connection would never end.
   */
  async function release(lease: Lease): Promise<void> {
    const delayMs = Math.min(1_000, capabilities.maxRetryDelayMs);
    for (let waitMs = 100; !closed.signal.aborted; waitMs = Math.min(waitMs * 2, 10_000)) {
      try {
        return await backend.retry(lease, { delayMs, countsAttempt: false });
      } catch (thrown) {
        if (isWaybillError(thrown, "LEASE_LOST") || isWaybillError(thrown, "BACKEND_CLOSED")) return;
      }
      await pause(waitMs, closed.signal);
    }
  }

  async function deadLetter(lease: Lease, { code, message }: WaybillError): Promise<void> {
    await backend.deadLetter(lease, { code, message });
    report.rejected({ id: lease.id, queue: lease.queue, reason: { code, message } });
  }

  return {
    ...backend,
    capabilities: { ...capabilities, uniqueKeys: true },
    ...(inspector !== null && { inspector: keyedInspector(inspector, ledger, idleMs, uniqueOf) }),
    ...ends,
    enqueue,
    async lease(request) {
      const found = await backend.lease(request);
      const leases = await Promise.all(found.map(judged));
      return leases.filter((lease) => lease !== null);
    },
    extend: (leases, leaseMs) => backend.extend(leases.map(innerOf), leaseMs),
    close() {
      closed.abort();
      return backend.close();
    },
  };
}

/** Calls again, twice, after a failure of the ledger. */
async function withRetries<T>(call: () => Promise<T>): Promise<T> {
  for (const waitMs of [50, 500]) {
    try {
      return await call();
    } catch {
      await pause(waitMs);
    }
  }
  return call();
}
