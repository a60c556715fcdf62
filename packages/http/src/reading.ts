import type { PushRefused } from "./problem.ts";

/** A sender that is slower than this falls behind. A body of 64 KiB may take a second. */
const LEAST_BYTES_PER_MS = 64;

/** One body on its way in, of which nothing is proved yet. */
export class Reading {
  readonly peer: string | null;
  readonly #since: number = performance.now();
  #bytes = 0;
  #dropped: PushRefused | null = null;
  #onDrop: ((why: PushRefused) => void) | null = null;
  #stop: ((why: PushRefused) => void) | null = null;

  constructor(peer: string | null) {
    this.peer = peer;
  }

  /** Said by whoever takes the bytes off the wire. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** How long ago its bytes should have been here. Negative for one that is early. */
  behindMs(now: number): number {
    return now - this.#since - this.#bytes / LEAST_BYTES_PER_MS;
  }

  /** Calls `stop` when the reading is dropped, at once if it has been: nobody waits for its bytes any more. */
  onDrop(stop: (why: PushRefused) => void): void {
    if (this.#dropped === null) this.#stop = stop;
    else stop(this.#dropped);
  }

  /** Ends it: the promise of `orDropped` rejects with `why`. */
  drop(why: PushRefused): void {
    this.#dropped = why;
    this.#onDrop?.(why);
    this.#stop?.(why);
  }

  /** What the work comes to, or the rejection of its being dropped, whichever is first. */
  orDropped<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#onDrop = reject;
      work.then(resolve, reject);
    });
  }
}
