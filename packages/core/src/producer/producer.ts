import type { Result, Receipt, Signature } from "../backend/contract.ts";
import type { BackendFacts } from "../backend/producer-seam.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import type { JobReference } from "../job/job-reference.ts";
import type { OptionalPayload } from "../job/json-input.ts";
import type { EventBus } from "../observability/events.ts";
import type { EnqueueCounts, EnqueueListener } from "./enqueue-many.ts";
import type { EnqueueItem, EnqueueOptions, FittingItem } from "./enqueue-options.ts";

/** The receipt of a job whose definition is known. */
export interface JobReceipt<Returned = unknown> extends Receipt, JobReference<Returned> {}

/** A connection to one backend that enqueues jobs. */
export interface Producer {
  /** The address has no secrets. */
  readonly backend: BackendFacts;
  readonly events: EventBus;
  /**
   * Enqueues a job. Resolves once it is as durable as the backend promises. Rejects `PAYLOAD_INVALID`, `ENVELOPE_INVALID`,
   * `CONFIG_INVALID`, `JOB_UNKNOWN`, `CAPABILITY_MISSING`, `ID_CONFLICT`, `BACKEND_FULL`, `BACKEND_CLOSED` or
   * `BACKEND_UNAVAILABLE` when nothing was stored. Rejects `ENQUEUE_UNKNOWN`, an `EnqueueUnknownError` with the job's id,
   * when the job may be stored or not, and `NOT_REPLICATED`, a `NotReplicatedError` with the id, when it is stored and a
   * failover may lose it.
   * A job may be given by the name of its type when its definition is elsewhere; its payload is then checked only where it
   * runs. A payload that is `undefined` or omitted, where the schema allows it, becomes an empty list of arguments.
   */
  enqueue<Input = unknown, Returned = unknown>(
    job: JobDefinition<Input, unknown, Returned> | string,
    payload: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<JobReceipt<Returned>>;
  enqueue<Input, Returned>(
    job: JobDefinition<Input, unknown, Returned> & OptionalPayload<Input>,
  ): Promise<JobReceipt<Returned>>;
  /**
   * Enqueues a job within your transaction on the same database: the job is stored when you commit, and not stored when you
   * roll back. The backend's package says what `transaction` may be. Rejects as `enqueue` does, and `CAPABILITY_MISSING`
   * where the backend has no transactions.
   */
  enqueueIn<Input = unknown>(
    transaction: unknown,
    job: JobDefinition<Input, unknown> | string,
    payload: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<Receipt>;
  enqueueIn<Input>(transaction: unknown, job: JobDefinition<Input, unknown> & OptionalPayload<Input>): Promise<Receipt>;
  /**
   * Stores an envelope made elsewhere, byte for byte, with the given signature. For a signed wrapper, the envelope and the
   * signature inside it are stored. Rejects as `enqueue` does, with `ENVELOPE_INVALID` for a body that is no envelope. Its
   * size is limited by the backend alone: `maxBodyBytes` limits the envelopes that this producer makes.
   */
  enqueueBody(body: string, signature?: Signature | null): Promise<Receipt>;
  /**
   * Enqueues many jobs. Returns the result of each, in order; one that fails does not affect the others. An item is stored
   * (`ok`), not stored, or, with `ENQUEUE_UNKNOWN` and its id, may be either. Items are sent at the backend's pace. Once it
   * has stored nothing for `enqueueTimeout`, the rest is not sent and fails with `BACKEND_UNAVAILABLE`. Never rejects.
   */
  enqueueMany<Inputs extends readonly unknown[]>(
    items: readonly [...{ [At in keyof Inputs]: EnqueueItem<Inputs[At]> }],
  ): Promise<Result<Receipt>[]>;
  /**
   * Enqueues the items of a generator or another iterable of any length, in constant memory. It is read at the backend's
   * pace. `listener` is called with the result of each item, in the order in which they end. Rejects with an error of the
   * source or the listener, or with `BACKEND_UNAVAILABLE` when the backend has stored nothing for `enqueueTimeout`: after
   * the listener was called for every item that was read, and after the source's `return()`.
   */
  enqueueMany<Item extends { readonly job: unknown }>(
    source: Iterable<Item & FittingItem<Item>> | AsyncIterable<Item & FittingItem<Item>>,
    listener: EnqueueListener<Item>,
  ): Promise<EnqueueCounts>;
  /**
   * Waits for pending calls and closes the backend, for at most `closeTimeout` together. Idempotent.
   */
  close(): Promise<void>;
}
