import type { Answer } from "./backend.ts";
import { notStored } from "./certainty.ts";
import { WaybillError } from "./errors.ts";
import { asUnavailable } from "./plain-errors.ts";

export interface GatherLimits {
  readonly maxBatch: number;
  /** Of all items in one call. */
  readonly maxBytes: number;
  readonly maxInFlight: number;
  /**
   * An item rejects when its call is not answered this long after it was made: what became of it is then unknown. One
   * that still waits for its call rejects once nothing has been answered for this long: it was not sent. Infinity: never.
   */
  readonly timeoutMs: number;
}

/** Bytes of all calls under way, beyond which no further call is made: more would only wait in the driver. */
export const WINDOW_BYTES: number = 8 * 1_048_576;

/** A timer this late means that the process stood still: what arrived meanwhile is read before anything expires. */
const STOOD_STILL_MS = 100;

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
 * Turns many concurrent callers into few calls on lists. Callers of one turn of the event loop share a call, and
 * so do all who come while `maxInFlight` calls are under way; an idle system waits for nothing.
 */
export class Gather<T, R> {
  readonly #send: (items: readonly T[]) => Promise<Answer<R>[]>;
  readonly #limits: GatherLimits;
  readonly #bytesOf: (item: T) => number;
  /** From `#head` on, oldest first. */
  #waiting: Waiting<T, R>[] = [];
  #head = 0;
  /** Calls that have not ended, whether or not their items have expired. */
  #inFlight = 0;
  #bytesInFlight = 0;
  /** Calls whose items have not expired, in the order they were made. */
  readonly #open = new Set<Call<T, R>>();
  #scheduled = false;
  /** When the backend last answered anything but that it is unavailable. */
  #heardAt = -Infinity;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;
  #idle: (() => void)[] = [];

  constructor(send: (items: readonly T[]) => Promise<Answer<R>[]>, limits: GatherLimits, bytesOf: (item: T) => number) {
    this.#send = send;
    this.#limits = limits;
    this.#bytesOf = bytesOf;
  }

  /** Resolves to this item's own answer; rejects with its own error. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, since: performance.now(), resolve, reject });
      this.#watch();
      // A full call need not wait for the end of the turn: the backend works on it while the next one fills.
      if (this.#left() >= this.#limits.maxBatch && this.#hasRoom()) void this.#call(this.#take());
      else this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is under way. */
  whenIdle(): Promise<void> {
    if (this.#inFlight === 0 && this.#left() === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #left(): number {
    return this.#waiting.length - this.#head;
  }

  #schedule(): void {
    if (this.#scheduled || !this.#hasRoom()) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#left() > 0 && this.#hasRoom()) void this.#call(this.#take());
    });
  }

  #hasRoom(): boolean {
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

  /** Takes what waits before `end` out of the line. The rest moves up only now and then: each move costs its length. */
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
      const answers = await this.#send(entries.map((entry) => entry.item));
      if (answers.some((answer) => answer.ok || answer.error.code !== "BACKEND_UNAVAILABLE")) {
        this.#heardAt = performance.now();
      }
      this.#end(call, (index) => answers[index]);
    } catch (thrown) {
      const error = asUnavailable(thrown);
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
  #end(call: Call<T, R>, answerOf: (index: number) => Answer<R> | undefined): void {
    if (!this.#open.delete(call)) return;
    for (const [index, { resolve, reject }] of call.entries.entries()) {
      const answer = answerOf(index);
      if (answer === undefined) {
        reject(new WaybillError("BACKEND_UNAVAILABLE", "the backend answered fewer items than it was given"));
      } else if (answer.ok) resolve(answer.value);
      else reject(answer.error);
    }
  }

  /** Nothing waits. Who waits for an answer keeps the process alive until there is one; a deadline alone does not. */
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
    if (mayLook && performance.now() - this.#dueAt > STOOD_STILL_MS) {
      this.#timer = setTimeout(() => this.#expire(false), STOOD_STILL_MS);
      return;
    }
    this.#timer = null;
    const next = Math.min(this.#expireCalls(), this.#expireWaiting());
    if (next !== Infinity) this.#expireIn(next);
    else this.#rest();
  }

  /** Returns how long the oldest call may still take, in ms; Infinity when none is under way. */
  #expireCalls(): number {
    const { timeoutMs } = this.#limits;
    for (const call of this.#open) {
      const left = call.since + timeoutMs - performance.now();
      if (left > 1) return left;
      const error = new WaybillError("BACKEND_UNAVAILABLE", `the backend did not answer within ${timeoutMs} ms`);
      this.#end(call, () => ({ ok: false, error }));
    }
    return Infinity;
  }

  /** The same for what waits. An answer to others is a sign that its turn will come, so that it goes on waiting. */
  #expireWaiting(): number {
    const { timeoutMs } = this.#limits;
    const now = performance.now();
    const leftOf = ({ since }: Waiting<T, R>): number => Math.max(since, this.#heardAt) + timeoutMs - now;
    let end = this.#head;
    while (end < this.#waiting.length && leftOf(this.#waiting[end] as Waiting<T, R>) <= 1) end += 1;
    const text = `the backend has answered nothing for ${timeoutMs} ms, so this was not sent to it`;
    const error = notStored(new WaybillError("BACKEND_UNAVAILABLE", text));
    if (end > this.#head) for (const { reject } of this.#remove(end)) reject(error);
    const first = this.#waiting[this.#head];
    return first === undefined ? Infinity : leftOf(first);
  }
}
