import type { DeadLetter, DeadLetterQuery, Inspector, QueueCounts } from "@waybill/core";
import { countOf, momentOf } from "@waybill/core/backend";
import type { Query } from "./database.ts";
import { arrayLiteral } from "./label.ts";
import { countQueues, dropDead, listDead, replayDead } from "./sql/inspect.ts";

type CountRow = Omit<QueueCounts, "oldestWaitMs"> & { readonly oldest: number | null };

type DeadRow = Omit<DeadLetter, "reason" | "diedAt" | "damage"> & {
  readonly code: string;
  readonly message: string;
  /** Null for a moment that is none. */
  readonly died_at: number | null;
};

/** `query` rejects once the backend is closed. `replayed` hears of queues that have got jobs back. */
export function createInspector(query: Query, schema: string, replayed: (queue: string) => void): Inspector {
  return {
    async counts() {
      const rows = (await query(countQueues(schema))) as CountRow[];
      return rows.map(({ oldest, ...counts }) => ({
        ...counts,
        oldestWaitMs: oldest === null ? null : Math.max(oldest, 0),
      }));
    },
    async deadLetters(asked = {}) {
      const rows = (await query(listDead(schema), parametersOf(asked))) as DeadRow[];
      return rows.map(({ id, type, queue, code, message, attempt, died_at, body }) => {
        return {
          id,
          type,
          queue,
          reason: { code, message },
          attempt: countOf(attempt, 0),
          diedAt: momentOf(died_at),
          body,
        };
      });
    },
    async replay(asked = {}) {
      const rows = (await query(replayDead(schema), parametersOf(asked))) as { queue: string }[];
      for (const queue of new Set(rows.map((row) => row.queue))) replayed(queue);
      return rows.length;
    },
    async drop(asked = {}) {
      return (await query(dropDead(schema), parametersOf(asked))).length;
    },
  };
}

/** Queue, ids, limit: as `sql/inspect.ts` asks for them. */
function parametersOf({ queue, ids, limit = 100 }: DeadLetterQuery): (string | null)[] {
  return [queue ?? null, ids === undefined ? null : arrayLiteral(ids), Number.isFinite(limit) ? String(limit) : null];
}
