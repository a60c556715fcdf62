import type { Lease, LeaseRequest } from "@waybill/core/backend";

/** The `lease` calls of one queue that found nothing and wait, longest-waiting first. */
export interface Waiting {
  readonly size: number;
  /** What all of them together may take. */
  wanted(): number;
  /** Resolves to none after `waitMs` or on abort, and leaves no timer and no listener behind. */
  wait(request: LeaseRequest): Promise<Lease[]>;
  /** Hands out what `take` has, up to each one's limit. */
  serve(take: (limit: number) => Lease[]): void;
  /** Ends all of them with the error. */
  fail(error: Error): void;
  /** Ends all of them with nothing. */
  dismiss(): void;
}

interface Waiter {
  readonly limit: number;
  readonly resolve: (leases: Lease[]) => void;
  readonly reject: (error: Error) => void;
}

/** `left` is called after each one that has ended. */
export function createWaiting(left: () => void): Waiting {
  const waiters = new Set<Waiter>();

  return {
    get size() {
      return waiters.size;
    },
    wanted() {
      let sum = 0;
      for (const { limit } of waiters) sum += limit;
      return sum;
    },
    wait: ({ limit, waitMs, signal }) =>
      new Promise((resolve, reject) => {
        const giveUp = (): void => waiter.resolve([]);
        const timer = setTimeout(giveUp, waitMs);
        const leave = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", giveUp);
          waiters.delete(waiter);
          left();
        };
        const waiter: Waiter = {
          limit,
          resolve(leases) {
            leave();
            resolve(leases);
          },
          reject(error) {
            leave();
            reject(error);
          },
        };
        signal.addEventListener("abort", giveUp, { once: true });
        waiters.add(waiter);
      }),
    serve(take) {
      for (const waiter of waiters) {
        const leases = take(waiter.limit);
        if (leases.length === 0) return;
        waiter.resolve(leases);
      }
    },
    fail(error) {
      for (const waiter of waiters) waiter.reject(error);
    },
    dismiss() {
      for (const waiter of waiters) waiter.resolve([]);
    },
  };
}
