import { type Client, LONGEST_BLOCK_MS } from "../connection/client.ts";

/** Waits for a sign that a queue has a job, over a connection that does nothing else. */
export interface Notifier {
  /**
   * Resolves when a job may be there: true if BullMQ's marker said so, false after `atMostMs` or when the connection
   * broke. Never rejects. One call at a time.
   */
  next(atMostMs: number): Promise<boolean>;
  /** Writes a marker again that no call here had a use for, so that another process is woken. */
  passOn(): void;
}

/** Redis before 7.0.8 blocks without end for 1 ms. */
const SHORTEST_BLOCK_MS = 2;
const AFTER_FAILURE_MS = 100;

/** `marker` is the sorted set that BullMQ's scripts write whenever a job can be leased, or will be at a known time. */
export function createNotifier(marker: string, commands: Client, connect: () => Client): Notifier {
  let connection: Client | null = null;
  return {
    async next(atMostMs) {
      connection ??= connect();
      const blockMs = Math.min(Math.max(Math.ceil(atMostMs), SHORTEST_BLOCK_MS), LONGEST_BLOCK_MS);
      try {
        return (await connection.bzpopmin(marker, blockMs / 1_000)) !== null;
      } catch {
        // If more than this connection is broken, the fetch that follows fails with the reason.
        await new Promise((resolve) => setTimeout(resolve, Math.min(AFTER_FAILURE_MS, blockMs)));
        return false;
      }
    },
    passOn() {
      // If it fails, another process waits one block longer.
      commands.zadd(marker, 0, "0").catch(() => undefined);
    },
  };
}
