import type { Message } from "@waybill/core/backend";
import type { JobLeaseWaiters } from "./lease-waiters.ts";

type Stored = Pick<Message, "queue" | "delayMs">;

/**
 * Wakes the `lease` calls that wait: those of this process at once, those of others by a notification. A lost notification
 * delays a job until the next look. All notifying commits of a server share one lock, so a process notifies of a queue at
 * most once in `PAUSE_MS`.
 */
export interface Notifier {
  /** Returns what the statement is to notify of: queues, and "" for a delay that ends soon. What it omits is sent later. */
  queuesOf(stored: readonly Stored[]): string[];
  /** Wakes the calls of this process, after the statement has succeeded. */
  wake(stored: readonly Stored[]): void;
  /** Wakes the calls of every process that wait for a slot of a queue, after these leases have ended. */
  freed(leases: readonly { readonly queue: string }[]): void;
  close(): void;
}

const PAUSE_MS = 10;
/** A delay that ends this soon may concern a worker that has just looked. */
const SOON_MS = 2_000;

/** `send` notifies of queues in a statement of its own. `limitedQueues` are those whose leases are limited. */
export function createNotifier(
  send: (queues: readonly string[]) => void,
  waiters: JobLeaseWaiters,
  limitedQueues: ReadonlySet<string>,
): Notifier {
  const sent = new Set<string>();
  const postponed = new Set<string>();
  let timer: NodeJS.Timeout | null = null;

  function endPause(): void {
    timer = null;
    sent.clear();
    if (postponed.size === 0) return;
    const queues = [...postponed];
    postponed.clear();
    for (const queue of queues) sent.add(queue);
    timer = setTimeout(endPause, PAUSE_MS);
    send(queues);
  }

  function isDue(queue: string): boolean {
    if (sent.has(queue)) {
      postponed.add(queue);
      return false;
    }
    sent.add(queue);
    timer ??= setTimeout(endPause, PAUSE_MS);
    return true;
  }

  return {
    queuesOf: (stored) => allQueuesOf(stored.filter(({ delayMs }) => delayMs < SOON_MS)).filter(isDue),
    wake(stored) {
      for (const { delayMs } of stored) if (delayMs > 0) waiters.expect(delayMs);
      for (const queue of allQueuesOf(stored.filter(({ delayMs }) => delayMs <= 0))) waiters.wake(queue);
    },
    freed(leases) {
      const queues = [...new Set(leases.map(({ queue }) => queue))].filter((queue) => limitedQueues.has(queue));
      for (const queue of queues) waiters.wake(queue);
      const due = queues.filter(isDue);
      if (due.length > 0) send(due);
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}

/** Queues, and "" for delays, for a transaction of the caller: it may commit at any time, so none is omitted. */
export function allQueuesOf(stored: readonly Stored[]): string[] {
  return [...new Set(stored.map(({ queue, delayMs }) => (delayMs > 0 ? "" : queue)))];
}
