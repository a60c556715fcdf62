import { isFinal, type PushResponse } from "../push/push-response.ts";
import type { ReplayKey, ReplayProtection } from "../push/replay-protection.ts";

/** Minimum milliseconds between two removals of stale keys. */
const SWEEP_MS = 10_000;
/** Keys of one endpoint, some 100 bytes each. Above it the oldest are removed, and their requests are accepted again. */
const MAX_KEYS = 1_000_000;

/** Shared by all completed jobs: most jobs complete, and a response of its own would cost more memory than its key. */
const COMPLETED: PushResponse = {
  status: 200,
  headers: { "waybill-outcome": "completed", "content-type": "application/json" },
  body: '{"outcome":"completed","repeated":true}',
};

/**
 * What to do when a request comes again: its response, null to refuse it, or undefined to accept it again because its job
 * has not ended. A timestamp counts seconds, and a job may be retried within one.
 */
export function responseToReplay(
  { onReplay }: ReplayProtection,
  response: PushResponse,
): PushResponse | null | undefined {
  if (!isFinal(response)) return undefined;
  if (onReplay === "refuse") return null;
  return response.status === 200 ? COMPLETED : response;
}

/**
 * Remembers results by replay key until the key is stale, at which time the carrier refuses the request itself. In this
 * process's memory: after a restart, and in another process, a request is accepted once more.
 */
export class ReplayWindow<Result> {
  readonly #now: () => number;
  readonly #maxKeys: number;
  /** By `freshUntil`: all that is signed in one second is removed together. */
  readonly #fresh = new Map<number, Map<string, Result>>();
  #size = 0;
  #sweptAt: number;

  constructor(now: () => number, maxKeys: number = MAX_KEYS) {
    this.#now = now;
    this.#maxKeys = maxKeys;
    this.#sweptAt = now();
  }

  get size(): number {
    return this.#size;
  }

  /** Returns the result for this key; undefined if there is none. */
  find({ name, freshUntil }: ReplayKey): Result | undefined {
    return this.#fresh.get(freshUntil)?.get(name);
  }

  remember({ name, freshUntil }: ReplayKey, result: Result): void {
    this.#sweep();
    const names = this.#fresh.get(freshUntil) ?? new Map<string, Result>();
    this.#fresh.set(freshUntil, names);
    if (!names.has(name)) this.#size += 1;
    names.set(name, result);
    for (const moment of this.#fresh.keys()) {
      if (this.#size <= this.#maxKeys) return;
      this.#remove(moment);
    }
  }

  #remove(moment: number): void {
    this.#size -= this.#fresh.get(moment)?.size ?? 0;
    this.#fresh.delete(moment);
  }

  #sweep(): void {
    const now = this.#now();
    if (Math.abs(now - this.#sweptAt) < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const moment of this.#fresh.keys()) if (moment < now) this.#remove(moment);
  }
}
