/**
 * The backend contract: everything waybill asks of a queue technology.
 *
 * A backend moves opaque strings and keeps leases. It never parses an envelope, never decides whether a job
 * is retried, never logs and never traces: core does that once, for every backend.
 *
 * - message: what a backend stores; a label it may read and a body it may not.
 * - lease: one message, ours for a limited time; it ends by a settle or by expiry.
 * - settle: ack, retry or dead-letter. A settle is judged by the lease's token, never by the job's id.
 * - attempt: settled failures + 1. lost: deliveries that ended unsettled. releases: handed back on purpose.
 */
import type { Capabilities } from "./capabilities.ts";
import type { WaybillError } from "./errors.ts";

/** A Standard Webhooks signature that travels beside the body. */
export interface Signature {
  /** Unix seconds, as signed. */
  readonly timestamp: number;
  /** One or more `v1,<base64>` values separated by spaces. */
  readonly value: string;
}

/** What a backend stores: a readable label and an unread body. */
export interface Message {
  /** The job id: unique per job, not per delivery. */
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Not delivered for this long, counted from the write. 0 is now. At most `capabilities.maxDelayMs`. */
  readonly delayMs: number;
  /** −100 to 100, higher first, 0 is normal. */
  readonly priority: number;
  /** Whose job it is; null for nobody in particular. */
  readonly tenant: string | null;
  /** Travels beside the body; null where the job is not signed. */
  readonly signature: Signature | null;
  /** The serialised envelope, carried byte for byte. */
  readonly body: string;
}

/** One message, ours until `expiresAt` or until it is settled. */
export interface Lease extends Omit<Message, "delayMs"> {
  /** 1 on the first delivery: failures settled so far, plus one. Releases and losses do not raise it. */
  readonly attempt: number;
  /** Deliveries that ended without a settle: a worker died or lost its lease. 0 where `countsLost` is false. */
  readonly lost: number;
  /** Times the job was handed back uncounted. 0 where `countsReleases` is false. */
  readonly releases: number;
  /** Unix milliseconds before which the job must not start; null when nothing was asked. */
  readonly dueAt: number | null;
  /**
   * Unix milliseconds on this process's clock until which the lease is surely ours, unless it is extended. Null: as long
   * as the connection.
   */
  readonly expiresAt: number | null;
  /** The backend's own handle on this delivery. Core passes it back and never looks inside. */
  readonly token: unknown;
  /**
   * Why the record is no job: its bytes are not UTF-8, or `admit` refuses it. Absent for every other. Core dead-letters
   * the lease for this reason and does not look at `body`; the backend keeps the record as it is.
   */
  readonly damage?: DeadReason;
}

/** What became of one item of a list: its value, or why this item alone failed. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: WaybillError };

/** That a job is in the backend. */
export interface Receipt {
  /** The job's. */
  readonly id: string;
  /** False when the same id with the same bytes was there already; nothing was written. */
  readonly stored: boolean;
}

/** What `lease` is asked for. */
export interface LeaseRequest {
  readonly queue: string;
  /** At least 1. */
  readonly limit: number;
  /** How long the lease lasts unless extended. */
  readonly leaseMs: number;
  /** How long to wait for a first message before resolving to an empty list. 0 looks once. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** How a lease goes back to its queue. */
export interface RetryRequest {
  /** 0 is deliverable at once. At most `capabilities.maxRetryDelayMs`. */
  readonly delayMs: number;
  /** False for a release: shutdown, a job leased before its time, a handler that asked for later. */
  readonly countsAttempt: boolean;
}

/** Why a job is kept for a person. */
export interface DeadReason {
  /** Stable, upper case: `ATTEMPTS_EXHAUSTED`, `PAYLOAD_INVALID`, `WORKER_LOST`, … */
  readonly code: string;
  /** One sentence for a person. Stored at up to 2,000 characters. */
  readonly message: string;
}

/** One connection to a queue technology: the seven verbs. */
export interface Backend {
  /** Lower case, as in the package name: "sqlite". */
  readonly name: string;
  /** Where it is, without secrets, for logs: "sqlite:./waybill.db". */
  readonly address: string;
  readonly capabilities: Capabilities;

  /**
   * Resolves once every stored message is as durable as the backend promises. Answers per message, in order.
   * The same id and bytes again: `stored: false`. The same id with other bytes: `ID_CONFLICT`.
   * Rejects only when nothing can be said of any message (`BACKEND_UNAVAILABLE`). An error marked by `notStored` says
   * that its message is not stored and never will be; without the mark, `BACKEND_UNAVAILABLE` leaves that open.
   */
  enqueue(messages: readonly Message[]): Promise<Answer<Receipt>[]>;

  /**
   * Resolves to at most `limit` leases; to none after `waitMs` or on abort. Never rejects on abort.
   * A message that arrives after the abort is not lost: it goes back without a count.
   */
  lease(request: LeaseRequest): Promise<Lease[]>;

  /** The jobs are done. `LEASE_LOST` for those no longer ours. */
  ack(leases: readonly Lease[]): Promise<Answer<null>[]>;

  /** Makes the message deliverable again after `delayMs`. Rejects `LEASE_LOST` if it is no longer ours. */
  retry(lease: Lease, request: RetryRequest): Promise<void>;

  /** Puts the message where a person will look: stores first, removes second. Rejects `LEASE_LOST`. */
  deadLetter(lease: Lease, reason: DeadReason): Promise<void>;

  /** Makes each lease last `leaseMs` from now and answers its new `expiresAt`. `LEASE_LOST` for those no longer ours. */
  extend(leases: readonly Lease[], leaseMs: number): Promise<Answer<number | null>[]>;

  /** Hands prefetched messages back and frees every resource. Idempotent; waiting `lease` calls resolve to none. */
  close(): Promise<void>;
}

/**
 * Core's judgement of bytes nobody has parsed (a row inserted by plain SQL, a list entry): the message to
 * store, or the code and sentence under which the bytes are kept as rejected.
 */
export type Admit = (
  body: string,
  signature: Signature | null,
) => { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly reason: DeadReason };

/** An arrival that the backend has refused and keeps. */
export interface Rejection {
  /** The id under which `Inspector.deadLetters` lists it. */
  readonly id: string;
  /** The queue under which `Inspector.deadLetters` lists it. */
  readonly queue: string;
  readonly reason: DeadReason;
}

/** What a backend tells core about the work it does on its own, outside the calls. No function throws. */
export interface Report {
  /** Called once for each refused arrival, after it is stored where `Inspector.deadLetters` finds it. */
  rejected(rejection: Rejection): void;
  /**
   * `what` failed: an inbox cannot be read, delays are not ended. Call it at each failed try. Core reports it once, until
   * `succeeded` is called with the same `what`. The error names the thing and the remedy.
   */
  failed(what: string, error: Error): void;
  /** `what` works. May be called however often. */
  succeeded(what: string): void;
}

/** What core hands a backend when it opens it. */
export interface BackendContext {
  readonly admit: Admit;
  readonly report: Report;
}

/** Opens one backend. `connect` calls it once; a backend package makes it from a URL or from options. */
export type BackendFactory = (context: BackendContext) => Promise<Backend>;
