import { setTimeout as sleep } from "node:timers/promises";
import type { Lease, LeaseRequest } from "@waybill/core/backend";
import type { Queues } from "./queues.ts";
import type { Receive } from "./receive.ts";

export interface Waiting {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Ends every wait with nothing; resolves when the last poll has ended and what it brought is back. */
  close(): Promise<void>;
}

/** Of a poll that was to wait and brought nothing. */
const SHORTEST_POLL_MS = 50;

/**
 * Waits by polls that are never cut: SQS may have given a message to one whose caller is gone, and would then hide it for
 * the whole lease. A wait that is aborted ends at once, its poll goes on by itself, and what it brings goes back.
 */
export function createWaiting(
  queues: Queues,
  receive: Receive,
  giveBack: (leases: readonly Lease[]) => Promise<void>,
  pollSeconds: number,
): Waiting {
  const closing = new AbortController();
  const open = new Set<Promise<unknown>>();

  function track(work: Promise<unknown>): void {
    open.add(work);
    work.then(
      () => open.delete(work),
      () => open.delete(work),
    );
  }

  async function lease({ queue: from, limit, leaseMs, waitMs, signal }: LeaseRequest): Promise<Lease[]> {
    const until = performance.now() + waitMs;
    const ends = [signal, closing.signal];
    const queue = await unlessAborted(queues.find(from), ends);
    if (queue === null) return [];
    for (;;) {
      if (ends.some(({ aborted }) => aborted)) return [];
      const restMs = Math.max(0, until - performance.now());
      // A lease counts from the question, so that a wait takes up little of it.
      const mostSeconds = Math.min(pollSeconds, Math.max(1, Math.floor(leaseMs / 3_000)));
      const waitSeconds = Math.min(mostSeconds, Math.ceil(restMs / 1_000));
      const asked = performance.now();
      const poll = receive({ from, queue, limit, leaseMs, waitSeconds });
      track(poll);
      const found = await unlessAborted(poll, ends);
      if (found === null) {
        track(poll.then(giveBack));
        return [];
      }
      const now = performance.now();
      if (found.length > 0 || now >= until) return found;
      // Something that does not wait would be asked without end, and nothing else would ever run.
      if (now - asked < SHORTEST_POLL_MS) await sleep(Math.min(SHORTEST_POLL_MS, until - now));
    }
  }

  return {
    lease,
    async close() {
      closing.abort();
      while (open.size > 0) await Promise.allSettled(open);
    },
  };
}

/** Null as soon as one of the signals says so; whether the work then fails is its own affair. */
function unlessAborted<T>(work: Promise<T>, signals: readonly AbortSignal[]): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(null);
    if (signals.some(({ aborted }) => aborted)) end();
    for (const signal of signals) signal.addEventListener("abort", end, { once: true });
    work.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener("abort", end);
    });
  });
}
