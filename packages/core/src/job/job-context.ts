import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { Envelope } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import { member } from "../values/any-value.ts";
import type { Delivery } from "./delivery.ts";
import type { FlowOfJob, FlowResult } from "./flow-types.ts";
import type { OnceOptions, OnceResult } from "./once-options.ts";
import type { RunHandle } from "./run-handle.ts";

/** The job that a handler runs. */
export class JobContext {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** 1 on the first run. Releases and lost workers do not raise it. */
  readonly attempt: number;
  readonly envelope: Envelope;
  /** The delivery with its unchanged body, counts and signature, for handlers that forward the job. */
  readonly delivery: Delivery;
  readonly #handle: RunHandle;
  #completed = false;

  constructor(envelope: Envelope, queue: string, delivery: Delivery, handle: RunHandle) {
    this.id = envelope.id;
    this.type = envelope.type;
    this.queue = queue;
    this.attempt = delivery.attempt;
    this.envelope = envelope;
    this.delivery = delivery;
    this.#handle = handle;
  }

  /**
   * Completes the job in your transaction. Make it the last statement: the job and your rows commit together, or neither
   * does. Rejects `LEASE_LOST` if another worker has the job by now: then roll back. Rejects `CAPABILITY_MISSING` where
   * the backend has no transactions. If you roll back, the handler must throw.
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

  /**
   * Runs `fn` once for this job and key, and returns its result; a later delivery of the job returns the stored result without
   * running it. The result is JSON of at most 65,000 bytes, or nothing. If another delivery runs `fn` right now, waits for its
   * result. If `fn` throws, nothing is stored.
   * With `{ in: transaction }` the result commits with your rows, so `fn` takes effect exactly once. Otherwise a process that dies
   * after the effect and before its result is stored lets `fn` run again, 30 s later. Rejects `CONFIG_INVALID` for wrong arguments
   * and `CAPABILITY_MISSING` without a ledger. Rejects with a `DeadLetter` once `fn` has run and its result cannot be stored, and
   * with a `RetryLater` when the ledger is unavailable and `fn` has not run.
   */
  async once<T extends OnceResult>(key: string, fn: () => T | Promise<T>, options: OnceOptions = {}): Promise<T> {
    if (this.delivery.once !== undefined) return this.delivery.once(this, key, fn, options);
    throw new WaybillError(
      "CAPABILITY_MISSING",
      "once needs a ledger, and this job came by a way that has none, as a push: run it by a worker, for which createRelay and createIngress store pushed jobs, or in a test by testJobs",
    );
  }

  /**
   * Reports how far the job is, for `jobs.records` and `jobs.watch`: the last report is kept, and written with others about twice a
   * second. `total` and `message`, of at most 500 characters, may be left out. Never throws. Does nothing without `records`.
   */
  progress(done: number, total?: number, message?: string): void {
    try {
      this.delivery.recording?.progress(done, total, message);
    } catch {
      // A value that cannot be written must not fail the job.
    }
  }

  /**
   * Adds a line to the job's record, of at most 2,000 characters; the last 100 of a run are kept. Written as `progress` is. Never
   * throws. Does nothing without `records`.
   */
  log(text: string): void {
    try {
      this.delivery.recording?.log(text);
    } catch {
      // As above.
    }
  }

  /** The schedule that made this job, and the time of its tick; null for every other job. */
  get schedule(): { readonly name: string; readonly at: Date } | null {
    const made = this.envelope.meta?.["schedule"];
    const [name, at] = [member(made, "name"), new Date(String(member(made, "at")))];
    return typeof name === "string" && !Number.isNaN(at.getTime()) ? { name, at } : null;
  }

  /** The flow that this job is a member of; null for every other job, and for one that came as a push. */
  get flow(): FlowOfJob | null {
    return this.delivery.flow ?? null;
  }

  /**
   * Returns how the members of its flow ended that this job comes after, in the order in which they were added: with what their handlers
   * returned, where their definitions have `result`. Empty for a job of no flow. Rejects `CAPABILITY_MISSING` for a member that
   * came as a push, and `BACKEND_UNAVAILABLE` while the ledger is.
   */
  async results(): Promise<FlowResult[]> {
    if (this.delivery.flow !== undefined) return this.delivery.flow.results();
    if (this.envelope.meta?.["flow"] === undefined) return [];
    throw new WaybillError(
      "CAPABILITY_MISSING",
      "results needs the ledger of the flow, and this job came by a way that has none, as a push: run it by a worker, or pass what it needs in its payload",
    );
  }

  /** True once `completeIn` has resolved. */
  get completed(): boolean {
    return this.#completed;
  }

  /** Aborts on cancel, timeout, deadline, lost lease or slot, and shutdown. Its `reason` is a `WaybillError` with the code of the cause. */
  get signal(): AbortSignal {
    return this.#handle.signal;
  }
}

const storage = new AsyncLocalStorage<JobContext>();
// The context at the time this module loaded: outside every job, request and store.
const outside = AsyncLocalStorage.snapshot();

/**
 * Runs `work` in a new async scope. It starts from the empty context, and a store that it sets, even by `enterWith`, does not
 * remain afterwards. The AsyncResource is needed for that: on Node 22 `run` alone does not contain an `enterWith`.
 */
export function inFreshScope<T>(job: JobContext, work: () => T): T {
  return outside(() => new AsyncResource("waybill.job").runInAsyncScope(() => storage.run(job, work)));
}

/** Runs `work` in the empty context, whatever the context of the caller is. */
export function outsideEveryScope<T>(work: () => T): T {
  return outside(work);
}

/** Returns the job that runs in this async scope; undefined outside a handler. */
export function jobOfScope(): JobContext | undefined {
  return storage.getStore();
}

/** Returns the job that runs in this async scope. Throws `CONFIG_INVALID` outside a handler. */
export function currentJob(): JobContext {
  const job = storage.getStore();
  if (job) return job;
  throw new WaybillError(
    "CONFIG_INVALID",
    "currentJob() was called outside a handler; call it within one, or pass what you need",
  );
}
