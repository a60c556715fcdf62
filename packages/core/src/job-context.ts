import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { Envelope } from "./envelope/index.ts";
import { WaybillError } from "./errors.ts";
import type { Delivery } from "./delivery.ts";
import type { Execution } from "./execution.ts";

/** What a handler may know of the job it runs. */
export class JobContext {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** 1 on the first execution; releases and lost workers do not raise it. */
  readonly attempt: number;
  readonly envelope: Envelope;
  /** As it came: the body's very bytes, the counts, the signature. For handlers that hand the job on. */
  readonly delivery: Delivery;
  readonly #execution: Execution;
  #completed = false;

  constructor(envelope: Envelope, queue: string, delivery: Delivery, execution: Execution) {
    this.id = envelope.id;
    this.type = envelope.type;
    this.queue = queue;
    this.attempt = delivery.attempt;
    this.envelope = envelope;
    this.delivery = delivery;
    this.#execution = execution;
  }

  /**
   * Completes the job in your transaction. Make it the last statement: job and rows commit together, once, or neither
   * does. Rejects `LEASE_LOST` if the job is another worker's by now (roll back), `CAPABILITY_MISSING` where the
   * backend has no transactions. If the transaction is rolled back, the handler must throw.
   */
  async completeIn(transaction: unknown): Promise<void> {
    if (this.delivery.completeIn === undefined) {
      throw new WaybillError(
        "CAPABILITY_MISSING",
        "the job came by a way that has no transactions; let the handler return",
      );
    }
    await this.delivery.completeIn(transaction);
    this.#completed = true;
  }

  /** True once `completeIn` has resolved. */
  get completed(): boolean {
    return this.#completed;
  }

  /** Aborts on timeout, deadline, lost lease and shutdown; its `reason` is a WaybillError whose code says which. */
  get signal(): AbortSignal {
    return this.#execution.signal;
  }
}

const storage = new AsyncLocalStorage<JobContext>();
// The context as it was when this module loaded: no job, no request, nobody's store.
const outside = AsyncLocalStorage.snapshot();

/**
 * Runs `work` in a scope of its own: it starts from the empty context and what it sets, even by `enterWith`,
 * is gone afterwards. A fresh AsyncResource is what holds an `enterWith` on Node 22; `run` alone does not.
 */
export function inFreshScope<T>(job: JobContext, work: () => T): T {
  return outside(() => new AsyncResource("waybill.job").runInAsyncScope(() => storage.run(job, work)));
}

/** Runs `work` in the empty context: what it starts stays there, whoever called. */
export function outsideEveryScope<T>(work: () => T): T {
  return outside(work);
}

/** The job being run here; none outside a handler. */
export function jobOfScope(): JobContext | undefined {
  return storage.getStore();
}

/** The job being run here. Throws outside a handler, where there is none. */
export function currentJob(): JobContext {
  const job = storage.getStore();
  if (job) return job;
  throw new WaybillError(
    "CONFIG_INVALID",
    "currentJob() was called outside a handler; call it within one, or pass what you need",
  );
}
