import { monotonicMs } from "../time/clock.ts";
import type { EventBus } from "./events.ts";
import { errorMessage } from "../values/thrown.ts";

/** Tracks whether a worker's calls reach its backend. Emits `unavailable` once when one fails, `recovered` once when all succeed. */
export interface Reachability {
  /** A call of this kind has begun. `what` names the kind in all functions: each kind fails and recovers by itself. */
  asked(what: string): void;
  failed(what: string, error: Error): void;
  succeeded(what: string): void;
  /** No further call of this kind will be made, so it no longer counts as failing. */
  abandoned(what: string): void;
  /** Returns the message of the last failed call. Null while all succeed. */
  message(): string | null;
  /** Returns milliseconds since the first of the calls that fail now. Null while all succeed. */
  failingMs(): number | null;
  /** Returns milliseconds since a call last succeeded. Null before the first. */
  respondedMs(): number | null;
  /** Returns the age of the oldest open call in milliseconds. 0: none is open. */
  askingMs(): number;
}

export function createReachability(events: EventBus, worker: string): Reachability {
  const failing = new Map<string, string>();
  const asking = new Map<string, number>();
  let respondedAt: number | null = null;
  let failingFrom = 0;

  function works(what: string): void {
    if (failing.delete(what) && failing.size === 0) events.emit("recovered", { worker });
  }

  return {
    asked: (what) => void asking.set(what, monotonicMs()),
    failed(what, error) {
      asking.delete(what);
      const message = errorMessage(error);
      if (failing.size === 0) {
        failingFrom = monotonicMs();
        events.emit("unavailable", { worker, message });
      }
      failing.set(what, message);
    },
    succeeded(what) {
      asking.delete(what);
      respondedAt = monotonicMs();
      if (failing.size > 0) works(what);
    },
    abandoned: works,
    message: () => [...failing.values()].at(-1) ?? null,
    failingMs: () => (failing.size === 0 ? null : Math.round(monotonicMs() - failingFrom)),
    respondedMs: () => (respondedAt === null ? null : Math.round(monotonicMs() - respondedAt)),
    askingMs: () => (asking.size === 0 ? 0 : Math.round(monotonicMs() - Math.min(...asking.values()))),
  };
}

/** Returns what takes the error of each call of one kind, and null after one that succeeded. */
export function reachedBy(reachability: Reachability, what: string): (error: Error | null) => void {
  return (error) => {
    if (error === null) reachability.succeeded(what);
    else reachability.failed(what, error);
  };
}
