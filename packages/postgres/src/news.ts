import type { Message } from "@waybill/core/backend";
import type { Hints } from "./hints.ts";
import type { Waiting } from "./waiting.ts";

type Stored = Pick<Message, "queue" | "delayMs">;

/** Who should hear of what was stored: those who wait in this process at once, others by a hint with the statement. */
export interface News {
  /** What the statement is to tell: queues, and "" for a delay that ends soon. */
  of(stored: readonly Stored[]): string[];
  /** The statement has succeeded. */
  spread(stored: readonly Stored[]): void;
}

/** A delay that ends this soon may be news to a worker that has just looked. */
const SOON_MS = 2_000;

export function createNews(hints: Hints, waiting: Waiting): News {
  return {
    of(stored) {
      const queues = new Set<string>();
      for (const { queue, delayMs } of stored) {
        if (delayMs <= 0) queues.add(queue);
        else if (delayMs < SOON_MS) queues.add("");
      }
      return [...queues].filter((queue) => hints.due(queue));
    },
    spread(stored) {
      const queues = new Set<string>();
      for (const { queue, delayMs } of stored) {
        if (delayMs > 0) waiting.expect(delayMs);
        else queues.add(queue);
      }
      queues.forEach(waiting.wake);
    },
  };
}

/** Of a transaction that commits who knows when, all queues are told: the hint goes out with the commit. */
export function newsIn(stored: readonly Stored[]): string[] {
  return [...new Set(stored.map(({ queue, delayMs }) => (delayMs > 0 ? "" : queue)))];
}
