import type { DeadReason } from "@waybill/core";
import type { Backend, Capabilities, Lease, LeaseRequest, Message, Rejection } from "@waybill/core/backend";

import type { Arrival } from "./harness.ts";

/** The group of a rule; each group is one file. */
export type Subject =
  | "declaration"
  | "enqueue"
  | "body"
  | "identity"
  | "lease"
  | "waiting"
  | "settle"
  | "retry"
  | "delay"
  | "priority"
  | "concurrency"
  | "dead-letter"
  | "replay"
  | "extend"
  | "expiry"
  | "late-settle"
  | "close"
  | "inspect"
  | "inbox"
  | "worker registry"
  | "ledger"
  | "records"
  | "control"
  | "unique";

/** What a backend can do: its capabilities, and what is seen from outside once it is open. */
export interface Features extends Capabilities {
  /** It has an `Inspector`. */
  readonly inspectable: boolean;
  /** There is a place where programs in other languages put envelopes. */
  readonly arrivals: boolean;
  /** It has a `WorkerRegistry`. */
  readonly hasWorkerRegistry: boolean;
  /** It has a `Ledger`. */
  readonly hasLedger: boolean;
  /** Its `Ledger` has `watch`. */
  readonly watches: boolean;
  /** It has a `RecordStore`. */
  readonly keepsRecords: boolean;
  /** It has `JobControl`. */
  readonly controllable: boolean;
  /** Its `JobControl` has `trace`. */
  readonly traces: boolean;
  /** A second open of the same store is possible, as from another process. */
  readonly shareable: boolean;
}

/** One rule of the backend contract: a plain object, so that a runner can count, filter and print them. */
export interface ContractCase {
  /** The rule as a sentence. It is also the key in `knownFailures`. */
  readonly name: string;
  readonly subject: Subject;
  /** Absent: every backend must pass. A string is the reason why a backend with these features is excused. */
  readonly appliesTo?: (has: Features) => true | string;
  /** Rejects when the rule is broken. */
  readonly run: (bench: Bench) => Promise<void>;
}

/** A lease request as a case writes it. Absent members get defaults; `from` is the backend to lease from. */
export type Asked = Partial<LeaseRequest> & { readonly from?: Backend };

/** What a case may use. Each case has a store of its own, so cases may run side by side. */
export interface Bench {
  readonly backend: Backend;
  readonly queue: string;
  /** The shortest time that this backend distinguishes from 0. */
  readonly tickMs: number;
  /** The length of a lease that is meant to run out: three ticks. */
  readonly shortMs: number;
  /** A lease that is long enough to act in and short enough to wait for its end: three ticks, at least 500 ms. */
  readonly leaseMs: number;
  /** The longest time for what must happen at once. */
  readonly promptMs: number;
  /** The longest time for what must happen at all. */
  readonly eventuallyMs: number;
  /** A message with an id of its own, for the case's queue. */
  message(part?: Partial<Message>): Message;
  /** Enqueues one message for each part in one call (one plain message for none), and asserts that all were stored. */
  put(...parts: Partial<Message>[]): Promise<Message[]>;
  /** Waits for exactly `count` messages and leases them, for 60 s by default. Rejects after `eventuallyMs`. */
  leaseExactly(count: number, asked?: Asked): Promise<Lease[]>;
  /** Returns the one lease of `leaseExactly(1)`. */
  leaseOne(asked?: Asked): Promise<Lease>;
  /** Makes one `lease` call. Default: limit 1, no wait, a lease of 60 s. */
  lease(asked?: Asked): Promise<Lease[]>;
  /** Rejects if a message is delivered within `forMs`. Default: two ticks. */
  leaseNothing(forMs?: number, asked?: Asked): Promise<void>;
  /** Puts an envelope for the case's queue where programs in other languages put theirs. */
  arrive(part?: Partial<Arrival>): Promise<Arrival>;
  /** Why arrivals are refused, by id; the others are admitted. */
  readonly refusals: Map<string, DeadReason>;
  /** What the backends of this store have reported as rejected, in order. */
  readonly rejections: readonly Rejection[];
  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
  /** Another open backend on the same store, as another process would have it. Closed after the case. */
  second(): Promise<Backend>;
}
