import type { Query } from "./database.ts";
import type { Settings } from "./options.ts";

const EVERY_MS = 30_000;

/** Forgets finished jobs beyond what is to be remembered, now and then; which process does it does not matter. */
export function createRetention(query: Query, { schema, maxAgeMs, maxCount }: Settings): () => Promise<void> {
  const forget = `DELETE FROM "${schema}".finished WHERE number IN (
    SELECT number FROM (
      SELECT number, finished_at, sum(count) OVER (ORDER BY number DESC) - count AS newer FROM "${schema}".finished
    ) AS history
    WHERE newer >= $1::text::float8 OR finished_at < statement_timestamp() - $2::text::float8 * interval '1 ms'
  )`;
  let nextAt = performance.now() + Math.random() * EVERY_MS;
  const most = String(maxCount);
  // No job is older than a millennium, and an interval cannot be endless.
  const oldest = String(Math.min(maxAgeMs, 1_000 * 365 * 86_400_000));
  return async () => {
    if (performance.now() < nextAt || (maxCount === Infinity && maxAgeMs === Infinity)) return;
    nextAt = performance.now() + EVERY_MS;
    await query(forget, [most, oldest]);
  };
}
