import type { WaybillError } from "../errors.ts";

/**
 * Controls one run from outside: cancels it, and reports when its handler has ended. The AbortController is created when
 * `signal` is first read, which most jobs never do.
 */
export class RunHandle {
  /** Set once, by the first `cancel`. */
  reason: WaybillError | null = null;
  /** False while the handler's promise is pending, even after the outcome was decided without it. */
  ended = true;
  /** Whether the job itself was cancelled: it ends, whatever the handler throws for the abort. */
  endsJob = false;
  /** Whether `run` was called. False for a delivery that ended before its handler could run. */
  hasRun = false;
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

  /**
   * Aborts the signal now. If the handler has not ended `graceMs` later, `run` rejects without it. A second call keeps the
   * first reason; with `graceMs` 0 it ends the grace at once.
   */
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

  /** Aborts as `cancel` does, since the job itself was cancelled. Does nothing when the run was aborted before. */
  cancelJob(reason: WaybillError, graceMs: number): void {
    if (this.reason !== null) return;
    this.endsJob = true;
    this.cancel(reason, graceMs);
  }

  /**
   * Calls the handler and settles as it does. Rejects with the reason of a cancel whose grace has passed, or with the error
   * of `timedOut` after `timeoutMs`; the handler may still be running then.
   */
  run(handler: () => Promise<unknown> | unknown, timeoutMs: number, timedOut: () => WaybillError): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.reason !== null) return reject(this.reason);
      const timer = setTimeout(() => this.cancel(timedOut(), 0), timeoutMs);
      this.#stop = (reason) => {
        clearTimeout(timer);
        reject(reason);
      };
      this.ended = false;
      this.hasRun = true;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.ended = true;
        this.#stop = null;
        settle();
        this.#onEnded?.();
      };
      const start = async (): Promise<unknown> => handler();
      start().then(
        () => end(() => resolve()),
        (error: unknown) => end(() => reject(error)),
      );
      return undefined;
    });
  }

  /** Calls `listener` once the handler has ended; at once if it has. A second listener replaces the first. */
  whenEnded(listener: () => void): void {
    if (this.ended) listener();
    else this.#onEnded = listener;
  }
}
