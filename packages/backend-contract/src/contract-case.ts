import type { DeadReason } from "@waybill/core";
import type { Backend, Capabilities, Lease, LeaseRequest, Message, Rejection } from "@waybill/core/backend";

import type { Arrival } from "./harness.ts";

/** What rules are grouped by: one file of cases each. */
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
  | "dead-letter"
  | "replay"
  | "extend"
  | "expiry"
  | "late-settle"
  | "close"
  | "inspect"
  | "inbox"
  | "roster";

/** What a backend claims: its capabilities, and what can be seen from outside once it is open. */
export interface Claims extends Capabilities {
  /** It has an `Inspector`. */
  readonly inspectable: boolean;
  /** There is a place where producers in other languages put envelopes. */
  readonly arrivals: boolean;
  /** It has a `Roster`. */
  readonly rostered: boolean;
  /** A second open of the same store is possible, as from another process. */
  readonly shareable: boolean;
}

/** One rule of the backend contract: a plain object, so that a runner can count, filter and print them. */
export interface ContractCase {
  /** The rule as a sentence. It is also the key in `knownFailures`. */
  readonly name: string;
  readonly subject: Subject;
  /** Absent: every backend must pass. A string is the reason why a backend with these claims is excused. */
  readonly appliesTo?: (has: Claims) => true | string;
  /** Rejects when the rule is broken. */
  readonly run: (bench: Bench) => Promise<void>;
}

/** A lease request as a case writes it: what is left out is asked for generously. */
export type Asked = Partial<LeaseRequest> & { readonly from?: Backend };

/** What a case may use. Each case has a store of its own, so cases may run side by side. */
export interface Bench {
  readonly backend: Backend;
  readonly queue: string;
  /** The shortest time this backend can tell apart from none. */
  readonly tickMs: number;
  /** A lease that is meant to run out: three ticks. */
  readonly shortMs: number;
  /** A lease long enough to act within and short enough to sit out: three ticks, at least 500 ms. */
  readonly leaseMs: number;
  /** What ought to happen at once may take this long. */
  readonly promptMs: number;
  /** What ought to happen at all may take this long. */
  readonly patienceMs: number;
  /** A message with an id of its own, for the case's queue. */
  message(part?: Partial<Message>): Message;
  /** Enqueues one message for each part in one call (one plain message for none), and insists that all were stored. */
  put(...parts: Partial<Message>[]): Promise<Message[]>;
  /** Leases exactly `count` messages, waiting for them, or rejects. 60 s leases unless asked otherwise. */
  take(count: number, asked?: Asked): Promise<Lease[]>;
  /** The one lease of `take(1)`. */
  takeOne(asked?: Asked): Promise<Lease>;
  /** One `lease` call with the gaps filled in: limit 1, no wait, a lease of 60 s. */
  lease(asked?: Asked): Promise<Lease[]>;
  /** Rejects if anything is delivered within `forMs`: two ticks unless asked otherwise. */
  takeNothing(forMs?: number, asked?: Asked): Promise<void>;
  /** Puts an envelope for the case's queue where producers in other languages put theirs. */
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
