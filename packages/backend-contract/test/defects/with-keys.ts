import type { Message } from "@waybill/core/backend";
import { always, LATE_MS, pause, type Spoil, type Whole } from "./planted.ts";

export type Keys = Readonly<Record<string, string>>;

/** Knows the keys of each job by its id. */
export function withKeys(good: Whole) {
  const keys = new Map<string, Keys>();
  return {
    keysOf: ({ id }: { readonly id: string }): Keys | undefined => keys.get(id),
    enqueue(messages: readonly Message[]) {
      for (const { id, limitKeys } of messages) if (limitKeys !== undefined) keys.set(id, limitKeys);
      return good.enqueue(messages);
    },
    /** Leases a job that the suite does not know, in a queue of its own, with the same keys: their slots are not freed. */
    async leak(job: { readonly id: string }, leaseMs = 60_000): Promise<void> {
      const limitKeys = keys.get(job.id);
      if (limitKeys === undefined) return;
      const id = crypto.randomUUID();
      const ghost = {
        id,
        type: "ghost",
        queue: id,
        delayMs: 0,
        priority: 0,
        tenant: null,
        signature: null,
        body: "{}",
      };
      await good.enqueue([{ ...ghost, limitKeys }]);
      const { signal } = new AbortController();
      await good.lease({ queue: id, limit: 1, leaseMs, waitMs: 0, signal });
    },
  };
}

/** A long wait looks now, and once more when the wake-up should have come long since. */
export const looksLate = (isConcerned: (request: Parameters<Whole["lease"]>[0]) => boolean): (() => Spoil) =>
  always((good) => ({
    async lease(request) {
      if (request.waitMs <= LATE_MS || !isConcerned(request)) return good.lease(request);
      const found = await good.lease({ ...request, waitMs: 0 });
      if (found.length > 0) return found;
      await pause(LATE_MS);
      return good.lease({ ...request, waitMs: 0 });
    },
  }));
