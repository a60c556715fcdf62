import type { WaybillError } from "./errors.ts";

/**
 * One running execution as its door sees it: the door may cancel it and learn when its handler has really ended.
 * The AbortController is made only when somebody looks at `signal`; most jobs never do.
 */
export class Execution {
  /** Set once, by the first `cancel`. */
  reason: WaybillError | null = null;
  /** False while the handler's own promise is open, even after its outcome was decided. */
  ended = true;
  #controller: AbortController | null = null;
  #stop: ((reason: WaybillError) => void) | null = null;
  #onEnded: (() => void) | null = null;

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.reason !== null) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  /** Aborts the signal now; if the handler has not ended `graceMs` later, its outcome is decided without it. */
  cancel(reason: WaybillError, graceMs: number): void {
    if (this.reason !== null) {
      if (graceMs === 0) this.#stop?.(this.reason);
      return;
    }
    this.reason = reason;
    this.#controller?.abort(reason);
    if (graceMs === 0) this.#stop?.(reason);
    else setTimeout(() => this.#stop?.(reason), graceMs).unref();
  }

  /** Runs the handler to its end, or to the moment a cancel stops waiting for it; then rejects with the reason. */
  run(handler: () => Promise<void> | void, timeoutMs: number, timedOut: () => WaybillError): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.reason !== null) return reject(this.reason);
      const timer = setTimeout(() => this.cancel(timedOut(), 0), timeoutMs);
      this.#stop = (reason) => {
        clearTimeout(timer);
        reject(reason);
      };
      this.ended = false;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.ended = true;
        this.#stop = null;
        settle();
        this.#onEnded?.();
      };
      const start = async (): Promise<void> => handler();
      start().then(
        () => end(resolve),
        (error: unknown) => end(() => reject(error)),
      );
      return undefined;
    });
  }

  /** Calls `listener` once the handler has ended; at once if it has. */
  whenEnded(listener: () => void): void {
    if (this.ended) listener();
    else this.#onEnded = listener;
  }
}
