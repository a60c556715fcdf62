/**
 * The backend contract: what waybill requires of a queue technology.
 *
 * A backend stores opaque strings and manages leases. It never parses an envelope, never decides whether a job
 * is retried, never logs and never traces: core does that once, for every backend.
 *
 * - message: what a backend stores: a label that it reads, and a body that it does not read.
 * - lease: one message, reserved for one worker for a limited time. It ends by a settle or by expiry.
 * - settle: ack, retry or dead-letter. The backend checks the lease's token, never the job's id.
 * - attempt: settled failures + 1. lost: deliveries that ended without a settle. releases: returns to the queue that
 *   spent no attempt.
 */
import type { Capabilities } from "./capabilities.ts";
import type { ErrorRecord } from "../values/error-record.ts";
import type { WaybillError } from "../errors.ts";

/** A Standard Webhooks signature that travels beside the body. */
export interface Signature {
  /** Unix seconds, as signed. */
  readonly timestamp: number;
  /** One or more `v1,<base64>` values separated by spaces. */
  readonly value: string;
}

/**
 * Asks that no other unfinished job of the same type has the same key. The same id comes first: `ID_CONFLICT` for other bytes, and a
 * job never conflicts with itself (`stored: false`). The messages of one `enqueue` call are judged in their order.
 */
export interface UniqueKey {
  /** 1 to 255 characters. Two jobs are equal when their type and this key are, in whatever queues they are. */
  readonly key: string;
  /**
   * How long the key is taken. "end": until the job was acked, dead-lettered or cancelled; its lease running out frees nothing.
   * "start": until it is first leased. A dead letter asks for such a key again when it is replayed: if it is taken, the letter stays
   * one and the replay rejects `DUPLICATE_JOB`. A number: for this many milliseconds from its enqueue, whatever becomes of it; a
   * replay does not ask for it.
   */
  readonly until: "end" | "start" | number;
  /**
   * What becomes of a job whose key is taken. "reject": `DUPLICATE_JOB`. "ignore": it is not stored, and the receipt names the
   * other job. "replace": it takes the place of the other job if that waits and was never leased, in one step; otherwise as "reject".
   */
  readonly onConflict: "reject" | "ignore" | "replace";
}

/** A job as a backend stores it: a label that it reads, and a body that it does not. */
export interface Message {
  /** The job id: unique per job, not per delivery. */
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Milliseconds from the write until the message may be delivered. 0: at once. At most `capabilities.maxDelayMs`. */
  readonly delayMs: number;
  /** From −100 to 100; a higher one is delivered first. Default 0. */
  readonly priority: number;
  /** The tenant of the job; null for none. */
  readonly tenant: string | null;
  /** Stored beside the body; null for a job that is not signed. */
  readonly signature: Signature | null;
  /** Kept by a backend with `capabilities.uniqueKeys`; core never passes it to another. Absent: not unique. */
  readonly unique?: UniqueKey;
  /**
   * The concurrency keys that the job counts under: name of the limit to key. Kept by a backend with
   * `capabilities.keyConcurrency`; core never passes it to another. Absent: none.
   */
  readonly limitKeys?: Readonly<Record<string, string>>;
  /** The serialised envelope, stored byte for byte. */
  readonly body: string;
}

/** One message, leased by this process until `expiresAt` or until it is settled. */
export interface Lease extends Omit<Message, "delayMs" | "unique" | "limitKeys"> {
  /** Failures settled so far, plus one: 1 on the first delivery. Releases and lost deliveries do not raise it. */
  readonly attempt: number;
  /** Deliveries that ended without a settle, because a worker died or lost its lease. 0 where `countsLost` is false. */
  readonly lost: number;
  /** Times the job was released. 0 where `countsReleases` is false. */
  readonly releases: number;
  /**
   * True: the same stored message was delivered before, and was not settled. Only from a backend that learns this and not how often, so that
   * `countsLost` is false. A job that was released, retried or replayed is a new message. Absent: not known.
   */
  readonly redelivered?: true;
  /**
   * Unix milliseconds before which the job must not start; null for no such time. With `capabilities.leasesWhenDue`, of a dead
   * letter that was replayed: when that was.
   */
  readonly dueAt: number | null;
  /**
   * Unix milliseconds, by this process's clock, until which no other worker can lease the message. Null where the lease
   * lasts as long as the connection.
   */
  readonly expiresAt: number | null;
  /** Identifies this delivery to the backend. Core passes it back and never reads it. */
  readonly token: unknown;
  /**
   * Why the stored record is not a job: its bytes are not UTF-8, or `admit` refuses it. Absent for every other record. Core
   * dead-letters the lease for this reason and does not read `body`; the backend keeps the record unchanged.
   */
  readonly damage?: DeadReason;
}

/** The result of one item of a list: its value, or the error of this item alone. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: WaybillError };

/** Says that a job is stored in the backend. */
export interface Receipt {
  /** The id of the job. With `duplicateOf` there is none of this id: it was not stored. */
  readonly id: string;
  /** False when a job with the same id and the same bytes was stored already; nothing was written. From `enqueueIn`: true once you commit. */
  readonly stored: boolean;
  /** The id of the unfinished job that has the unique key, so that this one was not stored (`onConflict: "ignore"`). Absent: none. */
  readonly duplicateOf?: string;
  /** The id of the waiting job whose place this one took (`onConflict: "replace"`). Absent: none. */
  readonly replaced?: string;
}

/** The arguments of `lease`. */
export interface LeaseRequest {
  readonly queue: string;
  /** At least 1. */
  readonly limit: number;
  /** Milliseconds until the lease expires, unless it is extended. */
  readonly leaseMs: number;
  /** Milliseconds to wait for a first message before resolving to an empty list. 0: does not wait. */
  readonly waitMs: number;
  /**
   * The most leases of one key at a time, by the name of the limit (`limitKeys`). A limit that is not named here is not enforced.
   * Only where `capabilities.keyConcurrency`. Absent: none.
   */
  readonly concurrency?: Readonly<Record<string, number>>;
  /** The most leases of this queue at a time, over all workers. Only where `capabilities.keyConcurrency`. Absent: any number. */
  readonly queueConcurrency?: number;
  /** Jobs of these types stay where they are, since they are paused. Only where `capabilities.excludesTypes`. Absent: none. */
  readonly excludeTypes?: readonly string[];
  readonly signal: AbortSignal;
}

/** The arguments of `retry`. */
export interface RetryRequest {
  /** Milliseconds until the next delivery. 0: at once. At most `capabilities.maxRetryDelayMs`. */
  readonly delayMs: number;
  /** False for a release, which spends no attempt: at shutdown, for a job leased before its time, for `RetryLater`. */
  readonly countsAttempt: boolean;
}

/** Why a job is a dead letter. */
export interface DeadReason {
  /** Stable, upper case: `ATTEMPTS_EXHAUSTED`, `PAYLOAD_INVALID`, `WORKER_LOST`, … */
  readonly code: string;
  /** One sentence. Stored with at most 2,000 characters. */
  readonly message: string;
  /** What the handler threw; absent if it threw nothing. Store it by `serialiseError`; a store with no space for it may leave it out. */
  readonly error?: ErrorRecord;
}

/** One connection to a queue technology: its name, its limits, and the seven calls that core makes. */
export interface Backend {
  /** In lower case, as in the name of its package: "sqlite". */
  readonly name: string;
  /** Its URL without secrets, for logs: "sqlite:./waybill.db". */
  readonly address: string;
  readonly capabilities: Capabilities;

  /**
   * Stores messages. Resolves once each stored message is as durable as the backend promises, with one result per message,
   * in order. The same id with the same bytes: `stored: false`. The same id with other bytes: `ID_CONFLICT`.
   * Rejects `BACKEND_UNAVAILABLE` only when the result of every message is unknown. An error marked by `notStored` says
   * that its message is not stored and never will be; without the mark the message may be stored or not.
   */
  enqueue(messages: readonly Message[]): Promise<Result<Receipt>[]>;

  /**
   * Leases at most `limit` messages. Resolves to an empty list after `waitMs`, or when `signal` aborts; an abort never
   * rejects. A message that arrives after the abort is not lost: the backend releases it.
   */
  lease(request: LeaseRequest): Promise<Lease[]>;

  /** Removes messages whose jobs are done. `LEASE_LOST` for each lease that has ended. */
  ack(leases: readonly Lease[]): Promise<Result<null>[]>;

  /** Makes the message deliverable again after `delayMs`. Rejects `LEASE_LOST` if the lease has ended. */
  retry(lease: Lease, request: RetryRequest): Promise<void>;

  /** Keeps the message as a dead letter: stores it there first and removes it from its queue second. Rejects `LEASE_LOST` if the lease has ended. */
  deadLetter(lease: Lease, reason: DeadReason): Promise<void>;

  /** Makes each lease last `leaseMs` from now. Returns its new `expiresAt`, or `LEASE_LOST` for a lease that has ended. */
  extend(leases: readonly Lease[], leaseMs: number): Promise<Result<number | null>[]>;

  /** Releases prefetched messages and closes every connection. Idempotent. Waiting `lease` calls resolve to an empty list. */
  close(): Promise<void>;
}

/**
 * Parses bytes that arrived without core, such as a row inserted by plain SQL or an entry of a Redis list. Returns the
 * message to store, or the reason for which the bytes are kept as a dead letter.
 */
export type Admit = (
  body: string,
  signature: Signature | null,
) => { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly reason: DeadReason };

/** Bytes that arrived, were refused and are kept. */
export interface Rejection {
  /** The id under which `Inspector.deadLetters` lists it. */
  readonly id: string;
  /** The queue under which `Inspector.deadLetters` lists it. */
  readonly queue: string;
  readonly reason: DeadReason;
}

/** Receives what a backend reports about work that it does outside of core's calls. No function throws. */
export interface Report {
  /** Called once for each refused arrival, after it is stored where `Inspector.deadLetters` finds it. */
  rejected(rejection: Rejection): void;
  /**
   * Reports that `what` failed, for example that an inbox cannot be read. Call it at each failed try. Core logs it once, until
   * `succeeded` is called with the same `what`. The message of the error says what is wrong and what to do.
   */
  failed(what: string, error: Error): void;
  /** Reports that `what` works. May be called any number of times. */
  succeeded(what: string): void;
}

/** What core passes to a backend when it opens it. */
export interface BackendContext {
  readonly admit: Admit;
  readonly report: Report;
}

/** Opens a backend. `connect` calls it once. Each backend package makes one from a URL or from options. */
export type BackendFactory = (context: BackendContext) => Promise<Backend>;
