import { type Client, LONGEST_BLOCK_MS } from "./connections.ts";

/** Tells when a queue is worth another look, over a connection that does nothing else. */
export interface Wake {
  /**
   * Resolves when a job may be there: true if BullMQ's marker said so, false after `atMostMs` or when the connection
   * broke. Never rejects. One call at a time.
   */
  next(atMostMs: number): Promise<boolean>;
  /** Puts a marker back that nobody here had a use for, so that another process is woken. */
  passOn(): void;
}

/** Redis before 7.0.8 takes a block of 1 ms for one without end. */
const SHORTEST_BLOCK_MS = 2;
const AFTER_FAILURE_MS = 100;

/** `marker` is the sorted set that BullMQ's scripts write whenever a job can be had, or will be at a known time. */
export function createWake(marker: string, commands: Client, connect: () => Client): Wake {
  let connection: Client | null = null;
  return {
    async next(atMostMs) {
      connection ??= connect();
      const blockMs = Math.min(Math.max(Math.ceil(atMostMs), SHORTEST_BLOCK_MS), LONGEST_BLOCK_MS);
      try {
        return (await connection.bzpopmin(marker, blockMs / 1_000)) !== null;
      } catch {
        // The fetch that follows says what is wrong, if it is more than this connection.
        await new Promise((resolve) => setTimeout(resolve, Math.min(AFTER_FAILURE_MS, blockMs)));
        return false;
      }
    },
    passOn() {
      // Unheard, it costs another process at most one block.
      commands.zadd(marker, 0, "0").catch(() => undefined);
    },
  };
}
