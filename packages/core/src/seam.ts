import type { Answer, Backend, Lease } from "./backend.ts";
import { answeredWithin } from "./deadline.ts";
import { Gather } from "./gather.ts";
import { type DeadLetterQuery, type Inspector, inspectorOf } from "./inspector.ts";
import { assertKnownOptions, type OptionNames } from "./known-options.ts";
import { asUnavailable, plain } from "./plain-errors.ts";
import { createProducerSeam, type ProducerSeam } from "./producer-seam.ts";
import { type Roster, rosterOf } from "./roster.ts";
import { transactionalOf } from "./transactional.ts";

/**
 * The seam between core and a backend: every call passes here, so that limits, batching and the shape of errors
 * are the same for all of them.
 */
export interface Seam extends ProducerSeam {
  readonly backend: Backend;
  /** Null where the backend keeps none; each call rejects within `timeoutMs`. */
  readonly roster: Roster | null;
  /** Null where the backend cannot be looked into; each call rejects with errors of ours. */
  readonly inspector: Inspector | null;
  ack(lease: Lease): Promise<null>;
  completeIn(transaction: unknown, lease: Lease): Promise<void>;
  /** In lists of at most `maxBatch`; never rejects, a failed call answers for each of its leases. */
  extend(leases: readonly Lease[], leaseMs: number): Promise<Answer<number | null>[]>;
}

export function createSeam(raw: Backend, timeoutMs: number): Seam {
  const backend = withPlainErrors(raw, timeoutMs);
  const { maxBatch, maxBatchBytes, maxInFlight } = backend.capabilities;
  const producing = createProducerSeam(raw, timeoutMs);
  const acks = new Gather<Lease, null>(
    (leases) => backend.ack(leases),
    { maxBatch, maxBytes: maxBatchBytes, maxInFlight, timeoutMs },
    () => 0,
  );
  return {
    ...producing,
    backend,
    inspector: withPlainInspector(inspectorOf(raw)),
    roster: withPlainRoster(rosterOf(raw), timeoutMs),
    ack: (lease) => acks.add(lease),
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
      await Promise.all([producing.whenIdle(), acks.whenIdle()]);
    },
  };
}

function failed(leases: readonly Lease[], thrown: unknown): Answer<never>[] {
  const error = asUnavailable(thrown);
  return leases.map(() => ({ ok: false, error }));
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
    deadLetters: async (query) => plain(raw.deadLetters(judged(query))),
    replay: async (query) => plain(raw.replay(judged(query))),
    drop: async (query) => plain(raw.drop(judged(query))),
  };
}

const QUERY: OptionNames<DeadLetterQuery> = { queue: true, ids: true, limit: true };

/** A filter that is misspelled would filter nothing: all would be replayed, or dropped. */
function judged(query: DeadLetterQuery = {}): DeadLetterQuery {
  assertKnownOptions(query, QUERY, "the filters of dead letters");
  return query;
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
