import type { Answer } from "./backend.ts";
import { WaybillError } from "./errors.ts";
import { errorMessage, isInstance, toError } from "./thrown.ts";

export interface GatherLimits {
  readonly maxBatch: number;
  /** Of all items in one call. */
  readonly maxBytes: number;
  readonly maxInFlight: number;
  /** An item not answered by then rejects; whether it was stored is then unknown. Infinity: never. */
  readonly timeoutMs: number;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly since: number;
  readonly resolve: (value: R) => void;
  readonly reject: (error: Error) => void;
  done: boolean;
}

/**
 * Turns many concurrent callers into few calls on lists. Callers of one turn of the event loop share a call, and
 * so do all who come while `maxInFlight` calls are under way; an idle system waits for nothing.
 */
export class Gather<T, R> {
  readonly #send: (items: readonly T[]) => Promise<Answer<R>[]>;
  readonly #limits: GatherLimits;
  readonly #bytesOf: (item: T) => number;
  #waiting: Waiting<T, R>[] = [];
  #inFlight = 0;
  #scheduled = false;
  #open = new Set<Waiting<T, R>>();
  #timer: NodeJS.Timeout | null = null;
  #idle: (() => void)[] = [];

  constructor(send: (items: readonly T[]) => Promise<Answer<R>[]>, limits: GatherLimits, bytesOf: (item: T) => number) {
    this.#send = send;
    this.#limits = limits;
    this.#bytesOf = bytesOf;
  }

  /** Resolves to this item's own answer; rejects with its own error. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      const entry = { item, since: performance.now(), resolve, reject, done: false };
      this.#waiting.push(entry);
      if (this.#limits.timeoutMs !== Infinity) this.#watch(entry);
      // A full call need not wait for the end of the turn: the backend works on it while the next one fills.
      if (this.#waiting.length >= this.#limits.maxBatch && this.#hasRoom()) void this.#call(this.#take());
      else this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is under way. */
  whenIdle(): Promise<void> {
    if (this.#inFlight === 0 && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled || !this.#hasRoom()) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#hasRoom()) void this.#call(this.#take());
    });
  }

  #hasRoom(): boolean {
    return this.#inFlight < this.#limits.maxInFlight;
  }

  #take(): Waiting<T, R>[] {
    const { maxBatch, maxBytes } = this.#limits;
    let bytes = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      bytes += maxBytes === Infinity ? 0 : this.#bytesOf(item);
      if (count === maxBatch || (count > 0 && bytes > maxBytes)) break;
      count += 1;
    }
    if (count === this.#waiting.length) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, count);
  }

  async #call(batch: Waiting<T, R>[]): Promise<void> {
    this.#inFlight += 1;
    try {
      const answers = await this.#send(batch.map((entry) => entry.item));
      for (let index = 0; index < batch.length; index++) this.#answer(batch[index], answers[index]);
    } catch (thrown) {
      const error = toError(thrown);
      for (const entry of batch) this.#answer(entry, { ok: false, error: asWaybillError(error) });
    } finally {
      this.#inFlight -= 1;
      if (this.#waiting.length > 0) this.#schedule();
      else if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #answer(entry: Waiting<T, R> | undefined, answer: Answer<R> | undefined): void {
    if (entry === undefined || entry.done) return;
    entry.done = true;
    this.#open.delete(entry);
    if (this.#open.size === 0) this.#timer?.unref();
    if (answer === undefined) {
      entry.reject(new WaybillError("BACKEND_UNAVAILABLE", "the backend answered fewer items than it was given"));
    } else if (answer.ok) entry.resolve(answer.value);
    else entry.reject(answer.error);
  }

  #watch(entry: Waiting<T, R>): void {
    this.#open.add(entry);
    // Who waits for an answer keeps the process alive until there is one; a deadline alone does not.
    if (this.#timer === null) this.#timer = setTimeout(() => this.#expire(), this.#limits.timeoutMs);
    else if (this.#open.size === 1) this.#timer.ref();
  }

  #expire(): void {
    this.#timer = null;
    const { timeoutMs } = this.#limits;
    const now = performance.now();
    for (const entry of this.#open) {
      const left = entry.since + timeoutMs - now;
      if (left > 1) {
        this.#timer = setTimeout(() => this.#expire(), left);
        break;
      }
      const error = new WaybillError("BACKEND_UNAVAILABLE", `the backend did not answer within ${timeoutMs} ms`);
      this.#answer(entry, { ok: false, error });
    }
    this.#waiting = this.#waiting.filter((entry) => !entry.done);
  }
}

function asWaybillError(error: Error): WaybillError {
  return isInstance(error, WaybillError)
    ? error
    : new WaybillError("BACKEND_UNAVAILABLE", `the backend failed: ${errorMessage(error)}`, { cause: error });
}
