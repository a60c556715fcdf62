import { setTimeout as sleep } from "node:timers/promises";
import type { Send } from "../client/client.ts";
import { isMissingQueue } from "../errors.ts";

/**
 * AWS asks programs to wait a second after `CreateQueue`; until then some of its servers do not know the queue. Another
 * process may have created it, so a queue counts as new for this long after this process created or found it.
 */
const NEW_MS = 5_000;
const PAUSES_MS = [100, 200, 400, 800] as const;

/** Waits before another try: longer after more tries, at most a second and at most `leftMs`. */
export const pause = (tries: number, leftMs: number = Infinity): Promise<void> =>
  sleep(Math.min(leftMs, PAUSES_MS[tries] ?? 1_000));

/** Queues that some servers of SQS may not know yet. */
export interface NewQueues {
  /** The client's `send`, which repeats a call on a new queue while SQS reports that the queue is missing. */
  readonly send: Send;
  /** Counts the queue as new from now on. `queue` is its name or its URL. */
  add(queue: string): void;
  has(queue: string): boolean;
}

export function createNewQueues(send: Send): NewQueues {
  const until = new Map<string, number>();

  /** Returns for how many more ms a queue is new. */
  function leftOf(queue: string): number {
    const left = (until.get(queue) ?? 0) - performance.now();
    if (left <= 0) until.delete(queue);
    return left;
  }

  async function sendRepeatedly(command: Parameters<Send>[0], ...more: unknown[]): Promise<unknown> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await (send as (...all: unknown[]) => Promise<unknown>)(command, ...more);
      } catch (thrown) {
        const { QueueUrl, QueueName = "" } = command.input as { QueueUrl?: string; QueueName?: string };
        const left = isMissingQueue(thrown) ? leftOf(QueueUrl ?? QueueName) : 0;
        if (left <= 0) throw thrown;
        await pause(tries, left);
      }
    }
  }

  return {
    send: sendRepeatedly as Send,
    add: (queue) => void until.set(queue, performance.now() + NEW_MS),
    has: (queue) => leftOf(queue) > 0,
  };
}
