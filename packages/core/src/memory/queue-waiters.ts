import { createLeaseWaiters, type LeaseWaiters } from "../backend/shared/lease-waiters.ts";
import type { Lease, LeaseRequest } from "../backend/contract.ts";
import { createAlarm } from "./alarm.ts";
import type { QueueState } from "./queue-state.ts";

/** A `lease` call and the connection that it was made on. */
interface OwnedRequest extends LeaseRequest {
  readonly owner: object;
}

/** The `lease` calls of one queue that found nothing and wait, longest-waiting first. */
export interface QueueWaiters {
  /** Resolves to none after `waitMs` or on abort. */
  wait(request: LeaseRequest, owner: object): Promise<Lease[]>;
  /** Leases what is ready to the calls that wait. Called after every change that may have made a job ready. */
  deliver(): void;
  /** A lease of this queue has ended. Leases to calls that wait because the queue had as many leases as its limit allows. */
  leaseEnded(): void;
  /** Resolves every waiting call of one connection to none. */
  dismiss(owner: object): void;
}

/**
 * `queues`: all of the store, since the end of a lease in one may wake a job of another. `deliverWoken` is called after what
 * may have woken such jobs.
 */
export function createQueueWaiters(
  state: QueueState,
  queues: ReadonlySet<QueueState>,
  deliverWoken: () => void,
): QueueWaiters {
  const waiters: LeaseWaiters<OwnedRequest> = createLeaseWaiters(() => {
    if (waiters.size === 0) alarm.off();
  });
  const alarm = createAlarm(deliver);

  /** When the next job of this queue may become ready. */
  function nextChange(): number {
    let next = state.nextChange();
    if (state.hasLines()) for (const other of queues) next = Math.min(next, other.nextEnd());
    return next;
  }

  function deliver(): void {
    if (state.hasLines()) for (const other of queues) other.advance();
    waiters.serve((request) => state.lease(request, request.owner));
    if (waiters.size > 0) alarm.by(nextChange());
    deliverWoken();
  }

  return {
    deliver,
    leaseEnded() {
      for (const { request } of waiters) if (request.queueConcurrency !== undefined) return deliver();
    },
    wait(request, owner) {
      const { leases } = waiters.wait({ ...request, owner });
      alarm.by(nextChange());
      return leases;
    },
    dismiss(owner) {
      for (const waiter of waiters) if (waiter.request.owner === owner) waiter.resolve([]);
    },
  };
}
