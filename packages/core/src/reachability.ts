import { monotonicMs } from "./clock.ts";
import type { EventBus } from "./events.ts";
import { errorMessage } from "./thrown.ts";

/** Whether a worker's calls get through to its backend: said once when they stop, and once when all do again. */
export interface Reachability {
  /** A call of this kind is under way, until it failed or succeeded. */
  asked(what: string): void;
  /** `what` names the kind of call, so that one kind getting through does not hide that another does not. */
  failed(what: string, error: Error): void;
  succeeded(what: string): void;
  /** Nobody makes calls of this kind any more, so that none will show that it gets through again. */
  abandoned(what: string): void;
  /** What the last failed call said; null while all get through. */
  message(): string | null;
  /** Since a call last got through; null before the first. */
  answeredMs(): number | null;
  /** How long the oldest call has been under way; 0: none is. */
  askingMs(): number;
}

export function createReachability(events: EventBus, worker: string): Reachability {
  const failing = new Map<string, string>();
  const asking = new Map<string, number>();
  let answeredAt: number | null = null;

  function works(what: string): void {
    if (failing.delete(what) && failing.size === 0) events.emit("recovered", { worker });
  }

  return {
    asked: (what) => void asking.set(what, monotonicMs()),
    failed(what, error) {
      asking.delete(what);
      const message = errorMessage(error);
      if (failing.size === 0) events.emit("unavailable", { worker, message });
      failing.set(what, message);
    },
    succeeded(what) {
      asking.delete(what);
      answeredAt = monotonicMs();
      if (failing.size > 0) works(what);
    },
    abandoned: works,
    message: () => [...failing.values()].at(-1) ?? null,
    answeredMs: () => (answeredAt === null ? null : Math.round(monotonicMs() - answeredAt)),
    askingMs: () => (asking.size === 0 ? 0 : Math.round(monotonicMs() - Math.min(...asking.values()))),
  };
}
