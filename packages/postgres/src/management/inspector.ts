import { type DeadLetterQuery, type DeadLetterRecord, type Inspector, type QueueCounts } from "@waybill/core";
import { countOf, keyTaken, momentOf, parseError } from "@waybill/core/backend";
import { arrayLiteral, type Query } from "../connection/query.ts";

type CountRow = Omit<QueueCounts, "oldestWaitMs"> & { readonly oldest: number | null };

type DeadRow = Omit<DeadLetterRecord, "reason" | "diedAt" | "damage"> & {
  readonly code: string;
  readonly message: string;
  /** As `serialiseError` or another program wrote it; null for none. */
  readonly error: string | null;
  /** Null for an endless time. */
  readonly died_at: number | null;
};

/** A dead letter that was picked for a replay. */
interface ReplayedRow {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  readonly unique_key: string | null;
  /** False where its id or its unique key is taken. */
  readonly replayed: boolean;
}

/** `query` rejects once the backend is closed. `replayed` is called with each queue that has got jobs. */
export function createInspector(query: Query, schema: string, replayed: (queue: string) => void): Inspector {
  const sql = statements(schema);
  return {
    async counts() {
      const rows = (await query(sql.count)) as CountRow[];
      return rows.map(({ oldest, ...counts }) => ({
        ...counts,
        oldestWaitMs: oldest === null ? null : Math.max(oldest, 0),
      }));
    },
    async deadLetters(asked = {}) {
      const rows = (await query(sql.list, parametersOf(asked))) as DeadRow[];
      return rows.map(({ code, message, error: text, attempt, died_at, ...row }) => {
        const error = parseError(text);
        const reason = { code, message, ...(error && { error }) };
        return { ...row, reason, attempt: countOf(attempt, 0), diedAt: momentOf(died_at) };
      });
    },
    async replay(asked = {}) {
      const rows = (await query(sql.replay, parametersOf(asked))) as ReplayedRow[];
      const done = rows.filter((row) => row.replayed);
      for (const queue of new Set(done.map((row) => row.queue))) replayed(queue);
      for (const { id, type, unique_key } of rows.filter((row) => !row.replayed && row.unique_key !== null)) {
        const [rival] = (await query(sql.rival, [type, unique_key, id])) as { id: string }[];
        if (rival) throw keyTaken(id, rival.id, "replayed");
      }
      return done.length;
    },
    async drop(asked = {}) {
      return (await query(sql.drop, parametersOf(asked))).length;
    },
  };
}

/** The parameters of `where` below. */
function parametersOf({ queue, ids, limit = 100, type, code, since }: DeadLetterQuery): (string | null)[] {
  const most = Number.isFinite(limit) ? String(limit) : null;
  const from = since === undefined ? null : String(since);
  return [queue ?? null, ids === undefined ? null : arrayLiteral(ids), most, type ?? null, code ?? null, from];
}

function statements(schema: string) {
  const diedAtMs = `CASE WHEN isfinite(died_at) THEN extract(epoch FROM died_at)::float8 * 1000 END`;
  // $1 a queue, $2 ids, $4 a type, $5 a code, $6 since when in Unix ms, each null for all; $3 how many.
  const where = `
    WHERE ($1::text IS NULL OR queue = $1::text) AND ($2::text[] IS NULL OR id = ANY ($2::text[]))
      AND ($4::text IS NULL OR type = $4::text) AND ($5::text IS NULL OR code = $5::text)
      AND ($6::float8 IS NULL OR ${diedAtMs} >= $6::float8)
    ORDER BY number DESC LIMIT $3::bigint`;
  // Jobs that wait for a concurrency key count as ready.
  const isReady = "token IS NULL AND (coalesce(wake_at <= statement_timestamp(), true) OR blocked_on IS NOT NULL)";
  return {
    count: `
      SELECT queue, sum(ready)::float8 AS ready, sum(delayed)::float8 AS delayed, sum(leased)::float8 AS leased,
        sum(dead)::float8 AS dead, sum(finished)::float8 AS finished,
        extract(epoch FROM statement_timestamp() - min(since))::float8 * 1000 AS oldest
      FROM (
        SELECT queue,
          count(*) FILTER (WHERE ${isReady}) AS ready,
          count(*) FILTER (WHERE token IS NULL AND wake_at > statement_timestamp() AND blocked_on IS NULL) AS delayed,
          count(*) FILTER (WHERE token IS NOT NULL) AS leased,
          0 AS dead, 0 AS finished,
          min(nullif(nullif(greatest(enqueued_at, due_at), 'infinity'), '-infinity')) FILTER (WHERE ${isReady}) AS since
        FROM "${schema}".jobs GROUP BY queue
        UNION ALL
        SELECT queue, 0, 0, 0, count(*), 0, NULL FROM "${schema}".dead GROUP BY queue
        UNION ALL
        SELECT queue, 0, 0, 0, 0, sum(count), NULL FROM "${schema}".finished GROUP BY queue
      ) AS states
      GROUP BY queue ORDER BY queue COLLATE "C"`,
    list: `
      SELECT id, type, queue, code, message, error, attempt, ${diedAtMs} AS died_at, body
      FROM "${schema}".dead ${where}`,
    drop: `
      DELETE FROM "${schema}".dead WHERE number IN (SELECT number FROM "${schema}".dead ${where}) RETURNING number`,
    // Who has a unique key.
    rival: `
      SELECT id FROM "${schema}".jobs WHERE type = $1::text AND unique_key = $2::text AND has_key AND id <> $3::text
      UNION ALL
      SELECT id FROM "${schema}".unique_windows
      WHERE type = $1::text AND key = $2::text AND id <> $3::text AND ends_at > statement_timestamp()
      LIMIT 1`,
    // A dead letter whose id or unique key was taken meanwhile stays; one whose key was taken for a time asks for none. A rejected inbox row returns to the inbox, to be judged again.
    replay: `
      WITH picked AS MATERIALIZED (
        SELECT * FROM "${schema}".dead ${where} FOR UPDATE SKIP LOCKED
      ), renewed AS (
        INSERT INTO "${schema}".jobs (id, seq, queue, rank, due_at, enqueued_at, type, tenant, signature, signature_timestamp, body,
          limit_keys, unique_key, unique_until, has_key)
        SELECT id, nextval('"${schema}".job_seq'), queue, rank, statement_timestamp(), statement_timestamp(), type, tenant, signature, signature_timestamp, body,
          limit_keys, unique_key, unique_until, CASE WHEN unique_until <> 'time' THEN true END
        FROM (
          SELECT * FROM picked WHERE NOT rejected AND NOT EXISTS (
            SELECT 1 FROM "${schema}".unique_windows AS w
            WHERE w.type = picked.type AND w.key = picked.unique_key AND picked.unique_until <> 'time'
              AND w.id <> picked.id AND w.ends_at > statement_timestamp()
          ) ORDER BY number
        ) AS oldest_first
        ON CONFLICT DO NOTHING RETURNING id
      ), returned AS (
        INSERT INTO "${schema}".inbox (id, envelope, signature, signature_timestamp)
        SELECT id, body, signature, signature_timestamp FROM picked WHERE rejected
        ON CONFLICT (id) DO NOTHING RETURNING id
      ), removed AS (
        DELETE FROM "${schema}".dead USING picked
        WHERE dead.number = picked.number
          AND (NOT picked.rejected AND picked.id IN (SELECT id FROM renewed)
            OR picked.rejected AND picked.id IN (SELECT id FROM returned))
        RETURNING dead.number
      )
      SELECT id, queue, type, unique_key, removed.number IS NOT NULL AS replayed
      FROM picked LEFT JOIN removed ON removed.number = picked.number`,
  };
}
