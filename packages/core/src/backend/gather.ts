import type { Result } from "./contract.ts";
import { notStored } from "./not-stored.ts";
import { WaybillError } from "../errors.ts";
import { unavailable } from "./backend-errors.ts";

export interface GatherLimits {
  readonly maxBatch: number;
  /** Most bytes of all items in one call. */
  readonly maxBytes: number;
  readonly maxInFlight: number;
  /**
   * An item rejects when its call has not returned for this long: its result is then unknown. An item that still waits to be
   * sent rejects when no call has returned for this long: it was not sent. Infinity: never.
   */
  readonly timeoutMs: number;
}

/** No further call is made while the open ones have this many bytes: it would only wait in the driver. */
export const WINDOW_BYTES: number = 8 * 1_048_576;

/** A timer this late means that the process was suspended: responses that arrived meanwhile are read before anything expires. */
const SUSPENDED_MS = 100;

interface Waiting<T, R> {
  readonly item: T;
  readonly since: number;
  readonly resolve: (value: R) => void;
  readonly reject: (error: Error) => void;
}

interface Call<T, R> {
  readonly entries: readonly Waiting<T, R>[];
  /** 0 where calls have no limit of bytes. */
  readonly bytes: number;
  readonly since: number;
}

/**
 * Gathers single items into calls on lists. Items added in one turn of the event loop share a call, and so do items
 * added while `maxInFlight` calls are open. When no call is open, an item is sent at the end of the turn.
 */
export class Gather<T, R> {
  readonly #send: (items: readonly T[]) => Promise<Result<R>[]>;
  readonly #limits: GatherLimits;
  readonly #bytesOf: (item: T) => number;
  /** Waiting items start at `#head`, the oldest first. */
  #waiting: Waiting<T, R>[] = [];
  #head = 0;
  /** Calls that have not returned, including those whose items have expired. */
  #inFlight = 0;
  #bytesInFlight = 0;
  /** Calls whose items have not expired, in the order they were made. */
  readonly #open = new Set<Call<T, R>>();
  #scheduled = false;
  /** When a call last returned anything but `BACKEND_UNAVAILABLE`. */
  #heardAt = -Infinity;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;
  #idle: (() => void)[] = [];

  constructor(send: (items: readonly T[]) => Promise<Result<R>[]>, limits: GatherLimits, bytesOf: (item: T) => number) {
    this.#send = send;
    this.#limits = limits;
    this.#bytesOf = bytesOf;
  }

  /** Resolves to the value of this item, or rejects with its error. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, since: performance.now(), resolve, reject });
      this.#watch();
      // A full call is sent before the end of the turn: the backend works on it while the next one fills.
      if (this.#left() >= this.#limits.maxBatch && this.#maySend()) void this.#call(this.#take());
      else this.#schedule();
    });
  }

  /** Resolves when no item waits and no call is open. */
  whenIdle(): Promise<void> {
    if (this.#inFlight === 0 && this.#left() === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #left(): number {
    return this.#waiting.length - this.#head;
  }

  #schedule(): void {
    if (this.#scheduled || !this.#maySend()) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#left() > 0 && this.#maySend()) void this.#call(this.#take());
    });
  }

  #maySend(): boolean {
    return this.#inFlight < this.#limits.maxInFlight && this.#bytesInFlight < WINDOW_BYTES;
  }

  #take(): Call<T, R> {
    const { maxBatch, maxBytes } = this.#limits;
    let bytes = 0;
    let end = this.#head;
    for (; end < this.#waiting.length && end - this.#head < maxBatch; end++) {
      const { item } = this.#waiting[end] as Waiting<T, R>;
      const more = maxBytes === Infinity ? 0 : this.#bytesOf(item);
      if (end > this.#head && bytes + more > maxBytes) break;
      bytes += more;
    }
    return { entries: this.#remove(end), bytes, since: performance.now() };
  }

  /** Removes the waiting items before `end`. The array is shortened only now and then, since that costs its length. */
  #remove(end: number): Waiting<T, R>[] {
    if (this.#head === 0 && end === this.#waiting.length) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    const some = this.#waiting.slice(this.#head, end);
    this.#head = end;
    if (end * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(end);
      this.#head = 0;
    }
    return some;
  }

  async #call(call: Call<T, R>): Promise<void> {
    const { entries, bytes } = call;
    this.#inFlight += 1;
    this.#bytesInFlight += bytes;
    this.#open.add(call);
    try {
      const results = await this.#send(entries.map((entry) => entry.item));
      if (results.some((result) => result.ok || result.error.code !== "BACKEND_UNAVAILABLE")) {
        this.#heardAt = performance.now();
      }
      this.#end(call, (index) => results[index]);
    } catch (thrown) {
      const error = await unavailable(thrown);
      if (error.code !== "BACKEND_UNAVAILABLE") this.#heardAt = performance.now();
      this.#end(call, () => ({ ok: false, error }));
    } finally {
      this.#inFlight -= 1;
      this.#bytesInFlight -= bytes;
      if (this.#left() > 0) this.#schedule();
      else this.#rest();
    }
  }

  /** Settles the items of a call, unless they were settled before: then the call has expired. */
  #end(call: Call<T, R>, resultOf: (index: number) => Result<R> | undefined): void {
    if (!this.#open.delete(call)) return;
    for (const [index, { resolve, reject }] of call.entries.entries()) {
      const result = resultOf(index);
      if (result === undefined) {
        reject(new WaybillError("BACKEND_UNAVAILABLE", "the backend returned fewer results than it was given items"));
      } else if (result.ok) resolve(result.value);
      else reject(result.error);
    }
  }

  /** No item waits. An open call keeps the process alive until it returns; the timer alone does not. */
  #rest(): void {
    if (this.#open.size === 0) this.#timer?.unref();
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #watch(): void {
    if (this.#limits.timeoutMs === Infinity) return;
    if (this.#timer === null) this.#expireIn(this.#limits.timeoutMs);
    else if (this.#open.size === 0 && this.#left() === 1) this.#timer.ref();
  }

  #expireIn(ms: number): void {
    this.#dueAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#expire(true), ms);
  }

  #expire(mayLook: boolean): void {
    if (mayLook && performance.now() - this.#dueAt > SUSPENDED_MS) {
      this.#timer = setTimeout(() => this.#expire(false), SUSPENDED_MS);
      return;
    }
    this.#timer = null;
    const next = Math.min(this.#expireCalls(), this.#expireWaiting());
    if (next !== Infinity) this.#expireIn(next);
    else this.#rest();
  }

  /** Expires calls. Returns milliseconds until the next one expires; Infinity when none is open. */
  #expireCalls(): number {
    const { timeoutMs } = this.#limits;
    for (const call of this.#open) {
      const left = call.since + timeoutMs - performance.now();
      if (left > 1) return left;
      const error = new WaybillError("BACKEND_UNAVAILABLE", `the backend did not respond within ${timeoutMs} ms`);
      this.#end(call, () => ({ ok: false, error }));
    }
    return Infinity;
  }

  /** Expires waiting items in the same way. While other calls return, they go on waiting. */
  #expireWaiting(): number {
    const { timeoutMs } = this.#limits;
    const now = performance.now();
    const leftOf = ({ since }: Waiting<T, R>): number => Math.max(since, this.#heardAt) + timeoutMs - now;
    let end = this.#head;
    while (end < this.#waiting.length && leftOf(this.#waiting[end] as Waiting<T, R>) <= 1) end += 1;
    const text = `the backend has not responded for ${timeoutMs} ms, so this was not sent to it`;
    const error = notStored(new WaybillError("BACKEND_UNAVAILABLE", text));
    if (end > this.#head) for (const { reject } of this.#remove(end)) reject(error);
    const first = this.#waiting[this.#head];
    return first === undefined ? Infinity : leftOf(first);
  }
}
