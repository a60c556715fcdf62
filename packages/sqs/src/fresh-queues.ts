import { setTimeout as sleep } from "node:timers/promises";
import type { Send } from "./client.ts";
import { isMissingQueue } from "./errors.ts";

/**
 * AWS asks to wait at least a second after `CreateQueue` before the queue is used (API reference, CreateQueue): until then
 * some of its servers say that there is none. Another process may have made it, so a queue counts as fresh for so long
 * after this process made or found it.
 */
const FRESH_MS = 5_000;
const PAUSES_MS = [100, 200, 400, 800] as const;

/** Grows with the tries, so that a queue which is there after a moment is used after a moment. */
export const pause = (tries: number, leftMs: number = Infinity): Promise<void> =>
  sleep(Math.min(leftMs, PAUSES_MS[tries] ?? 1_000));

/** Queues that not every server of SQS may know yet. */
export interface FreshQueues {
  /** As the client's. A call on a fresh queue that is said to be missing is sent again until it succeeds or the time is over. */
  readonly send: Send;
  /** From now on, by its name or its URL. */
  add(queue: string): void;
  has(queue: string): boolean;
}

export function createFreshQueues(send: Send): FreshQueues {
  const until = new Map<string, number>();

  /** How much longer a queue is fresh, in ms. */
  function leftOf(queue: string): number {
    const left = (until.get(queue) ?? 0) - performance.now();
    if (left <= 0) until.delete(queue);
    return left;
  }

  async function patient(command: Parameters<Send>[0], ...more: unknown[]): Promise<unknown> {
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
    send: patient as Send,
    add: (queue) => void until.set(queue, performance.now() + FRESH_MS),
    has: (queue) => leftOf(queue) > 0,
  };
}
