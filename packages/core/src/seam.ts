import type { Answer, Backend, Lease, Message, Receipt } from "./backend.ts";
import { type WaybillErrorCode, isWaybillError, WaybillError } from "./errors.ts";
import { answeredWithin } from "./deadline.ts";
import { Gather } from "./gather.ts";
import { type Inspector, inspectorOf } from "./inspector.ts";
import { type Roster, rosterOf } from "./roster.ts";
import { transactionalOf } from "./transactional.ts";
import { errorMessage, toError } from "./thrown.ts";

/**
 * The seam between core and a backend: every call passes here, so that limits, batching and the shape of errors
 * are the same for all of them.
 */
export interface Seam {
  readonly backend: Backend;
  /** Null where the backend keeps none; each call rejects within `timeoutMs`. */
  readonly roster: Roster | null;
  /** Null where the backend cannot be looked into; each call rejects with errors of ours. */
  readonly inspector: Inspector | null;
  /** One message out of many callers; rejects within `timeoutMs`. */
  enqueue(message: Message): Promise<Receipt>;
  ack(lease: Lease): Promise<null>;
  /** One message within the caller's transaction, not gathered. `CAPABILITY_MISSING` where the backend has none. */
  enqueueIn(transaction: unknown, message: Message): Promise<Receipt>;
  completeIn(transaction: unknown, lease: Lease): Promise<void>;
  /** In lists of at most `maxBatch`; never rejects, a failed call answers for each of its leases. */
  extend(leases: readonly Lease[], leaseMs: number): Promise<Answer<number | null>[]>;
  /** Resolves when every gathered call has been answered. */
  whenIdle(): Promise<void>;
}

export function createSeam(raw: Backend, timeoutMs: number): Seam {
  const backend = withPlainErrors(raw, timeoutMs);
  const { maxBatch, maxBatchBytes, maxInFlight } = backend.capabilities;
  const limits = { maxBatch, maxBytes: maxBatchBytes, maxInFlight };
  const enqueues = new Gather<Message, Receipt>(
    (messages) => backend.enqueue(messages),
    { ...limits, timeoutMs },
    (message) => Buffer.byteLength(message.body),
  );
  const acks = new Gather<Lease, null>(
    (leases) => backend.ack(leases),
    { ...limits, timeoutMs },
    () => 0,
  );
  return {
    backend,
    inspector: withPlainInspector(inspectorOf(raw)),
    roster: withPlainRoster(rosterOf(raw), timeoutMs),
    enqueue: (message) => enqueues.add(message),
    ack: (lease) => acks.add(lease),
    async enqueueIn(transaction, message) {
      const [answer] = await plain(transactionalOf(raw).enqueueIn(transaction, [message]));
      if (answer === undefined) throw new WaybillError("BACKEND_UNAVAILABLE", "the backend gave no answer");
      if (!answer.ok) throw answer.error;
      return answer.value;
    },
    async completeIn(transaction, lease) {
      await plain(transactionalOf(raw).completeIn(transaction, lease));
    },
    async extend(leases, leaseMs) {
      const answers: Answer<number | null>[] = [];
      for (let from = 0; from < leases.length; from += maxBatch) {
        const slice = leases.slice(from, from + maxBatch);
        const some = await backend.extend(slice, leaseMs).catch((error: unknown) => failed(slice, error));
        answers.push(...some);
      }
      return answers;
    },
    async whenIdle() {
      await Promise.all([enqueues.whenIdle(), acks.whenIdle()]);
    },
  };
}

function failed(leases: readonly Lease[], thrown: unknown): Answer<never>[] {
  const error = asUnavailable(thrown);
  return leases.map(() => ({ ok: false, error }));
}

function plain<T>(work: Promise<T>): Promise<T> {
  return work.catch((thrown: unknown) => {
    throw asUnavailable(thrown);
  });
}

/** Any error a driver lets through, and a call that never ends, becomes `BACKEND_UNAVAILABLE` with its cause. */
function withPlainErrors(raw: Backend, timeoutMs: number): Backend {
  const prompt = <T>(work: Promise<T>): Promise<T> => plain(answeredWithin(work, timeoutMs));
  return {
    name: raw.name,
    address: raw.address,
    capabilities: raw.capabilities,
    enqueue: (messages) => plain(raw.enqueue(messages)),
    lease: (request) => plain(raw.lease(request)),
    ack: (leases) => plain(raw.ack(leases)),
    retry: (lease, request) => prompt(raw.retry(lease, request)),
    deadLetter: (lease, reason) => prompt(raw.deadLetter(lease, reason)),
    extend: (leases, leaseMs) => prompt(raw.extend(leases, leaseMs)),
    close: () => plain(raw.close()),
  };
}

/** A look takes as long as what is looked at. */
function withPlainInspector(raw: Inspector | null): Inspector | null {
  if (raw === null) return null;
  return {
    counts: (named) => plain(raw.counts(named)),
    deadLetters: (query) => plain(raw.deadLetters(query)),
    replay: (query) => plain(raw.replay(query)),
    drop: (query) => plain(raw.drop(query)),
  };
}

function withPlainRoster(raw: Roster | null, timeoutMs: number): Roster | null {
  if (raw === null) return null;
  const prompt = <T>(work: Promise<T>): Promise<T> => plain(answeredWithin(work, timeoutMs));
  return {
    announce: (id, facts, ttlMs) => prompt(raw.announce(id, facts, ttlMs)),
    withdraw: (id) => prompt(raw.withdraw(id)),
    list: () => prompt(raw.list()),
  };
}

const KNOWN: ReadonlySet<WaybillErrorCode> = new Set([
  "LEASE_LOST",
  "ID_CONFLICT",
  "CAPABILITY_MISSING",
  "CONFIG_INVALID",
  "BACKEND_UNAVAILABLE",
  "BACKEND_FULL",
  "BACKEND_CLOSED",
]);

function asUnavailable(thrown: unknown): WaybillError {
  if (isWaybillError(thrown) && KNOWN.has(thrown.code)) return thrown;
  const error = toError(thrown);
  return new WaybillError("BACKEND_UNAVAILABLE", `the backend failed: ${errorMessage(error)}`, { cause: error });
}
