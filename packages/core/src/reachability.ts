import type { EventBus } from "./events.ts";

/** Whether a worker's calls get through to its backend: said once when they stop, and once when all do again. */
export interface Reachability {
  /** `what` names the kind of call, so that one kind getting through does not hide that another does not. */
  failed(what: string, error: Error): void;
  succeeded(what: string): void;
}

export function createReachability(events: EventBus, worker: string): Reachability {
  const failing = new Set<string>();
  return {
    failed(what, error) {
      if (failing.size === 0) events.emit("unavailable", { worker, message: error.message });
      failing.add(what);
    },
    succeeded(what) {
      if (failing.size > 0 && failing.delete(what) && failing.size === 0) events.emit("recovered", { worker });
    },
  };
}
