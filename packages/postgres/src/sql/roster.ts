/** Not logged: after a crash of the server, the next heartbeats fill it again. */
export const workersTable = `
  CREATE UNLOGGED TABLE workers (
    id text COLLATE "C" PRIMARY KEY,
    heard_at timestamptz NOT NULL,
    gone_at timestamptz NOT NULL,
    facts text NOT NULL
  ) WITH (fillfactor = 50)`;

/** The silent are forgotten on the way; a row that somebody else is just forgetting is left to them. */
export const announceWorker = (schema: string): string => `
  WITH silent AS (
    SELECT id FROM "${schema}".workers WHERE gone_at <= statement_timestamp() AND id <> $1::text FOR UPDATE SKIP LOCKED
  ), forgotten AS (
    DELETE FROM "${schema}".workers USING silent WHERE workers.id = silent.id
  )
  INSERT INTO "${schema}".workers (id, heard_at, gone_at, facts)
  VALUES ($1::text, statement_timestamp(), statement_timestamp() + $3::text::float8 * interval '1 ms', $2::text)
  ON CONFLICT (id) DO UPDATE SET heard_at = excluded.heard_at, gone_at = excluded.gone_at, facts = excluded.facts`;

export const withdrawWorker = (schema: string): string => `DELETE FROM "${schema}".workers WHERE id = $1::text`;

/** One heard in the future was heard before the clock was set back: if it lives, it is heard again soon. */
export const liveWorkers = (schema: string): string => `
  SELECT id, facts, extract(epoch FROM statement_timestamp() - heard_at)::float8 * 1000 AS "heardMs"
  FROM "${schema}".workers
  WHERE heard_at <= statement_timestamp() AND statement_timestamp() < gone_at ORDER BY id`;
