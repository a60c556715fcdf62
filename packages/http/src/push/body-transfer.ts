import type { PushRefused } from "./push-refused.ts";

/** A sender below this rate is behind: a body of 64 KiB may take a second. */
const MIN_BYTES_PER_MS = 64;

/** One request body while it is received and its sender is not authenticated yet. */
export class BodyTransfer {
  readonly peer: string | null;
  readonly #startedAt: number = performance.now();
  #bytes = 0;
  #dropped: PushRefused | null = null;
  #rejectWork: ((why: PushRefused) => void) | null = null;
  #stop: ((why: PushRefused) => void) | null = null;

  constructor(peer: string | null) {
    this.peer = peer;
  }

  /** Adds bytes that have arrived. Called by the code that reads the socket or stream. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Returns by how many milliseconds the transfer is behind the minimum rate at `now`. Negative: ahead of it. */
  behindMs(now: number): number {
    return now - this.#startedAt - this.#bytes / MIN_BYTES_PER_MS;
  }

  /** Calls `stop` when the transfer is dropped, or at once if it has been dropped. */
  onDrop(stop: (why: PushRefused) => void): void {
    if (this.#dropped === null) this.#stop = stop;
    else stop(this.#dropped);
  }

  /** Ends the transfer: the promise of `orDropped` rejects with `why`. */
  drop(why: PushRefused): void {
    this.#dropped = why;
    this.#rejectWork?.(why);
    this.#stop?.(why);
  }

  /** Settles as `work` does, or rejects when the transfer is dropped first. */
  orDropped<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#rejectWork = reject;
      work.then(resolve, reject);
    });
  }
}
