import { monotonicMs } from "../../time/clock.ts";
import type { Lease, LeaseRequest } from "../contract.ts";

/** A `lease` call that has not returned yet. */
export interface LeaseWaiter<Request extends LeaseRequest = LeaseRequest> {
  readonly request: Request;
  /** What the call returns. */
  readonly leases: Promise<Lease[]>;
  /** False once the call was resolved, rejected, aborted or timed out. */
  readonly isWaiting: boolean;
  /** Milliseconds until `waitMs` has passed. Negative afterwards. */
  remainingMs(): number;
  /** Ends the call with these leases. Returns false when it has ended already: release the leases then. Never throws. */
  resolve(leases: Lease[]): boolean;
  /** Ends the call with an error. Returns false when it has ended already. Never throws. */
  reject(error: unknown): boolean;
}

/** The `lease` calls that wait, longest-waiting first. Iterating is safe while calls end. */
export interface LeaseWaiters<Request extends LeaseRequest = LeaseRequest> extends Iterable<LeaseWaiter<Request>> {
  /** Calls that wait. */
  readonly size: number;
  /** The sum of the waiting calls' limits. */
  wanted(): number;
  /**
   * Adds a call that resolves to none on abort, and otherwise waits for `resolve` or `reject`: for a backend that looks a
   * last time when `waitMs` has passed. A call whose signal is aborted already has ended. Never throws.
   */
  add(request: Request): LeaseWaiter<Request>;
  /**
   * Adds a call that also resolves to none after `waitMs`. A `waitMs` of 0 sets no timer: the call asks for one look, and
   * the backend resolves it after that look. Never throws.
   */
  wait(request: Request): LeaseWaiter<Request>;
  /**
   * Resolves the calls in order with what `take` returns, until it returns none for a call that leases any job: one that has a
   * limit or leaves types out may get none while the next gets some.
   */
  serve(take: (request: Request) => Lease[]): void;
  /** Rejects every waiting call. Never throws. */
  reject(error: unknown): void;
  /** Resolves every waiting call to none, as `close` must. Never throws. */
  dismiss(): void;
}

/**
 * Keeps the `lease` calls that wait, for a backend. A call that ends leaves no timer and no abort listener behind. `ended`
 * is called after each that has ended, whatever ended it. Never throws.
 */
export function createLeaseWaiters<Request extends LeaseRequest = LeaseRequest>(
  ended?: (request: Request) => void,
): LeaseWaiters<Request> {
  const waiters = new Set<LeaseWaiter<Request>>();

  function add(request: Request, timeoutMs: number | null): LeaseWaiter<Request> {
    const { signal, waitMs } = request;
    const until = monotonicMs() + waitMs;
    let settle: { readonly resolve: (leases: Lease[]) => void; readonly reject: (error: unknown) => void };
    const leases = new Promise<Lease[]>((resolve, reject) => (settle = { resolve, reject }));
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (): void => void waiter.resolve([]);

    function end(how: () => void): boolean {
      if (!waiters.delete(waiter)) return false;
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      how();
      ended?.(request);
      return true;
    }

    const waiter: LeaseWaiter<Request> = {
      request,
      leases,
      get isWaiting() {
        return waiters.has(waiter);
      },
      remainingMs: () => until - monotonicMs(),
      resolve: (found) => end(() => settle.resolve(found)),
      reject: (error) => end(() => settle.reject(error)),
    };
    waiters.add(waiter);
    if (timeoutMs !== null) timer = setTimeout(giveUp, timeoutMs);
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp);
    return waiter;
  }

  return {
    get size() {
      return waiters.size;
    },
    [Symbol.iterator]: () => waiters.values(),
    wanted() {
      let sum = 0;
      for (const { request } of waiters) sum += request.limit;
      return sum;
    },
    add: (request) => add(request, null),
    wait: (request) => add(request, request.waitMs > 0 ? request.waitMs : null),
    serve(take) {
      for (const waiter of waiters) {
        const leases = take(waiter.request);
        if (leases.length > 0) waiter.resolve(leases);
        else if (leasesAny(waiter.request)) return;
      }
    },
    reject(error) {
      for (const waiter of waiters) waiter.reject(error);
    },
    dismiss() {
      for (const waiter of waiters) waiter.resolve([]);
    },
  };
}

const leasesAny = ({ concurrency, queueConcurrency, excludeTypes }: LeaseRequest): boolean =>
  concurrency === undefined && queueConcurrency === undefined && excludeTypes === undefined;
