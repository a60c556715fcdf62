import type { Lease, LeaseRequest } from "../backend.ts";
import { createAlarm } from "./alarm.ts";
import type { QueueState } from "./queue-state.ts";

/** The `lease` calls of one queue that found nothing and wait, longest-waiting first. */
export interface Waiters {
  /** Resolves to none after `waitMs` or on abort, and leaves no timer and no listener behind. */
  wait(request: LeaseRequest, owner: object): Promise<Lease[]>;
  /** Hands what is ready to whoever waits. Called after every change that may have made something ready. */
  deliver(): void;
  /** Ends every wait of one connection with nothing. */
  dismiss(owner: object): void;
}

interface Waiter {
  readonly request: LeaseRequest;
  readonly owner: object;
  readonly end: (leases: Lease[]) => void;
}

export function createWaiters(state: QueueState): Waiters {
  const waiting = new Set<Waiter>();
  const alarm = createAlarm(deliver);

  function deliver(): void {
    for (const waiter of waiting) {
      const found = state.take(waiter.request, waiter.owner);
      if (found.length === 0) break;
      waiter.end(found);
    }
    if (waiting.size > 0) alarm.by(state.nextChange());
  }

  return {
    deliver,
    wait: (request, owner) =>
      new Promise((resolve) => {
        const giveUp = (): void => waiter.end([]);
        const timer = setTimeout(giveUp, request.waitMs);
        request.signal.addEventListener("abort", giveUp);
        const waiter: Waiter = {
          request,
          owner,
          end(leases) {
            clearTimeout(timer);
            request.signal.removeEventListener("abort", giveUp);
            waiting.delete(waiter);
            if (waiting.size === 0) alarm.off();
            resolve(leases);
          },
        };
        waiting.add(waiter);
        alarm.by(state.nextChange());
      }),
    dismiss(owner) {
      for (const waiter of waiting) if (waiter.owner === owner) waiter.end([]);
    },
  };
}
