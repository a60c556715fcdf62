/**
 * Changes of jobs that no worker has leased, locked in the order of their ids. A job whose lease has ended, though no maintenance
 * has seen it yet, is one of them. A job that waits for no key may have been woken for one: then the next of its line starts.
 */
const isFree = "(token IS NULL OR wake_at <= statement_timestamp())";

const results = `
  RETURN QUERY SELECT asked.id, CASE
    WHEN asked.id = ANY (done) THEN 'done'
    WHEN EXISTS (SELECT 1 FROM jobs WHERE jobs.id = asked.id) THEN 'leased'
    WHEN EXISTS (SELECT 1 FROM dead WHERE dead.id = asked.id) THEN 'dead'
    ELSE 'absent' END
  FROM (SELECT DISTINCT id COLLATE "C" AS id FROM unnest(ids) AS id) AS asked;`;

const freeSlots = `SELECT free_slots(array_agg(id), array_agg(key)) FROM changed, unnest(changed.limit_keys) AS key
    WHERE changed.blocked_on IS NULL HAVING count(*) > 0`;

export const cancelJobs: string = `
  DECLARE done text[];
  BEGIN
  WITH free AS MATERIALIZED (
    SELECT ctid AS place FROM jobs WHERE id = ANY (ids) AND ${isFree} ORDER BY id FOR UPDATE
  ), changed AS (
    DELETE FROM jobs AS job USING free WHERE job.ctid = free.place RETURNING job.id, job.limit_keys, job.blocked_on
  ), freed AS (
    ${freeSlots}
  )
  SELECT array_agg(id) INTO done FROM changed LEFT JOIN freed ON true;
  ${results}
  END`;

/** A job that was ready keeps its position in line. Any other gets a new one, as when its delay ends. */
export const rescheduleJobs: string = `
  DECLARE
    done text[];
    queues text[];
  BEGIN
  WITH free AS MATERIALIZED (
    SELECT ctid AS place, blocked_on, token IS NOT NULL AS was_leased, wake_at IS NULL OR blocked_on IS NOT NULL AS was_ready
    FROM jobs WHERE id = ANY (ids) AND ${isFree} ORDER BY id FOR UPDATE
  ), changed AS (
    UPDATE jobs AS job SET
      token = NULL,
      blocked_on = NULL,
      lost = job.lost + (free.was_leased AND job.lost < 2147483647)::integer,
      wake_at = statement_timestamp() + delay_ms * interval '1 ms',
      due_at = statement_timestamp() + delay_ms * interval '1 ms',
      seq = CASE WHEN free.was_ready THEN job.seq ELSE nextval('job_seq') END
    FROM free WHERE job.ctid = free.place
    RETURNING job.id, job.queue, job.limit_keys, free.blocked_on
  ), freed AS (
    ${freeSlots}
  )
  SELECT array_agg(id), array_agg(DISTINCT CASE WHEN delay_ms IS NULL THEN queue ELSE '' END) INTO done, queues
  FROM changed LEFT JOIN freed ON true;
  PERFORM notify_queues(queues);
  ${results}
  END`;
