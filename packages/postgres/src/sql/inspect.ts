/** Where dead letters stand that never became jobs: no queue is known. No queue can have this name. */
export const noQueue = "waybill_inbox";

export const countQueues = (schema: string): string => `
  SELECT queue, sum(ready)::float8 AS ready, sum(delayed)::float8 AS delayed, sum(leased)::float8 AS leased,
    sum(dead)::float8 AS dead, sum(finished)::float8 AS finished,
    extract(epoch FROM statement_timestamp() - min(since))::float8 * 1000 AS oldest
  FROM (
    SELECT queue,
      count(*) FILTER (WHERE claim IS NULL AND coalesce(wake_at <= statement_timestamp(), true)) AS ready,
      count(*) FILTER (WHERE claim IS NULL AND wake_at > statement_timestamp()) AS delayed,
      count(*) FILTER (WHERE claim IS NOT NULL) AS leased,
      0 AS dead, 0 AS finished,
      min(nullif(nullif(greatest(enqueued_at, due_at), 'infinity'), '-infinity')) FILTER (WHERE claim IS NULL AND coalesce(wake_at <= statement_timestamp(), true)) AS since
    FROM "${schema}".jobs GROUP BY queue
    UNION ALL
    SELECT queue, 0, 0, 0, count(*), 0, NULL FROM "${schema}".dead GROUP BY queue
    UNION ALL
    SELECT queue, 0, 0, 0, 0, sum(count), NULL FROM "${schema}".finished GROUP BY queue
  ) AS states
  GROUP BY queue ORDER BY queue COLLATE "C"`;

/** $1 a queue or null for all, $2 ids or null for all, $3 how many. */
const where = `
  WHERE ($1::text IS NULL OR queue = $1::text) AND ($2::text[] IS NULL OR id = ANY ($2::text[]))
  ORDER BY number DESC LIMIT $3::bigint`;

export const listDead = (schema: string): string => `
  SELECT id, type, queue, code, message, attempt, CASE WHEN isfinite(died_at) THEN extract(epoch FROM died_at)::float8 * 1000 END AS died_at, body
  FROM "${schema}".dead ${where}`;

export const dropDead = (schema: string): string => `
  DELETE FROM "${schema}".dead WHERE number IN (SELECT number FROM "${schema}".dead ${where}) RETURNING number`;

/** What cannot go back, because its id was taken meanwhile, stays a dead letter. A reject is judged again from the inbox. */
export const replayDead = (schema: string): string => `
  WITH picked AS MATERIALIZED (
    SELECT * FROM "${schema}".dead ${where} FOR UPDATE SKIP LOCKED
  ), renewed AS (
    INSERT INTO "${schema}".jobs (id, seq, queue, rank, enqueued_at, type, tenant, signature, signature_timestamp, body)
    SELECT id, nextval('"${schema}".line'), queue, rank, statement_timestamp(), type, tenant, signature, signature_timestamp, body
    FROM (SELECT * FROM picked WHERE NOT rejected ORDER BY number) AS oldest_first
    ON CONFLICT (id) DO NOTHING RETURNING id
  ), returned AS (
    INSERT INTO "${schema}".inbox (id, envelope, signature, signature_timestamp)
    SELECT id, body, signature, signature_timestamp FROM picked WHERE rejected
    ON CONFLICT (id) DO NOTHING RETURNING id
  )
  DELETE FROM "${schema}".dead USING picked
  WHERE dead.number = picked.number
    AND (NOT picked.rejected AND picked.id IN (SELECT id FROM renewed)
      OR picked.rejected AND picked.id IN (SELECT id FROM returned))
  RETURNING picked.queue`;
