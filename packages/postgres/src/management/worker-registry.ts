import type { Announced, WorkerRegistry } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";

/** `query` rejects once the backend is closed. */
export function createWorkerRegistry(query: Query, schema: string): WorkerRegistry {
  // Removes silent workers as well. Skips a row that another process is just removing.
  const announce = `
    WITH silent AS (
      SELECT id FROM "${schema}".workers WHERE gone_at <= statement_timestamp() AND id <> $1::text FOR UPDATE SKIP LOCKED
    ), removed AS (
      DELETE FROM "${schema}".workers USING silent WHERE workers.id = silent.id
    )
    INSERT INTO "${schema}".workers (id, heard_at, gone_at, facts)
    VALUES ($1::text, statement_timestamp(), statement_timestamp() + $3::text::float8 * interval '1 ms', $2::text)
    ON CONFLICT (id) DO UPDATE SET heard_at = excluded.heard_at, gone_at = excluded.gone_at, facts = excluded.facts`;
  // A worker heard in the future was heard before the clock was set back. If it lives, it is heard again soon.
  const live = `
    SELECT id, facts, extract(epoch FROM statement_timestamp() - heard_at)::float8 * 1000 AS "heardMs"
    FROM "${schema}".workers
    WHERE heard_at <= statement_timestamp() AND statement_timestamp() < gone_at ORDER BY id`;
  return {
    async announce(id, facts, ttlMs) {
      await query(announce, [id, facts, String(ttlMs)]);
    },
    async withdraw(id) {
      await query(`DELETE FROM "${schema}".workers WHERE id = $1::text`, [id]);
    },
    list: async () => [...(await query(live))] as Announced[],
  };
}
