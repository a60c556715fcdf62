import { cancelJobs, rescheduleJobs } from "./control-functions.ts";
import { enqueueKeyed } from "./enqueue-keyed.ts";
import { ledgerCommit } from "./ledger-commit.ts";
import { recordListOpen, recordMerge, recordStates, recordWaiting } from "./record-functions.ts";
import { fillLines, freeSlots, healLines, leaseLimited, wakeLine, wakeLines } from "./limit-functions.ts";

/** Drops every function of the schema but those of triggers. */
export const dropFunctions = (schema: string): string => `
  DO $do$ DECLARE one regprocedure; BEGIN
    FOR one IN SELECT oid FROM pg_proc
      WHERE pronamespace = '"${schema}"'::regnamespace AND prorettype <> 'trigger'::regtype
    LOOP EXECUTE 'DROP FUNCTION ' || one; END LOOP;
  END $do$;`;

/**
 * The verbs, as functions. The server's session keeps a function's plan, so no statement needs a name, which a pooler would
 * lose. The settings of each function restrict its plan to the indexes: a table that is empty one minute and has a million
 * jobs the next always has wrong statistics, and one sort of all ready jobs costs more than a thousand leases.
 *
 * `notified` names the queues of the notifications that are sent when the transaction commits.
 */
export const functions = (schema: string, channel: string): string => {
  const plan = `SET search_path = "${schema}", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off`;
  const define = (signature: string, returns: string, body: string): string => `
    CREATE FUNCTION ${signature} RETURNS ${returns} LANGUAGE plpgsql ${plan} AS $body$
    #variable_conflict use_column
    ${/^\s*DECLARE\b/.test(body) ? body : `BEGIN ${body} END`} $body$;`;
  const notify = `PERFORM pg_notify('${channel}', name) FROM unnest(notified) AS name;`;
  return [
    define("notify_queues(notified text[])", "void", notify),
    define(
      `enqueue(ids text[], queues text[], types text[], priorities smallint[], delays float8[], tenants text[],
        signatures text[], timestamps bigint[], bodies text[], notified text[])`,
      "SETOF text",
      enqueue,
    ),
    define(
      `enqueue_keyed(ids text[], queues text[], types text[], priorities smallint[], delays float8[], tenants text[],
        signatures text[], timestamps bigint[], bodies text[], limits text[], unique_keys text[], untils text[],
        window_ms float8[], conflicts text[], notified text[])`,
      "TABLE (number bigint, stored boolean, duplicate_of text, replaced text)",
      enqueueKeyed,
    ),
    define("lease(of_queue text, most integer, lease_ms float8, new_token bigint)", leasedRows, lease),
    define(
      `lease_limited(of_queue text, most integer, lease_ms float8, new_token bigint, names text[], numbers integer[],
        queue_most integer, without_types text[])`,
      leasedRows,
      leaseLimited(schema),
    ),
    define("ack(ids text[], tokens bigint[], remember boolean)", "SETOF text", ack),
    define("extend(ids text[], tokens bigint[], lease_ms float8)", "TABLE (id text, ends_in_ms float8)", extend),
    define("retry(of_id text, of_token bigint, delay_ms float8, counts boolean, notified text[])", "SETOF text", retry),
    define(
      "dead_letter(of_id text, of_token bigint, of_code text, of_message text, of_error text)",
      "SETOF text",
      deadLetter,
    ),
    define("release(ids text[], tokens bigint[])", "SETOF text", release),
    define("maintain(most integer)", "TABLE (queues text[], more boolean, next_ms float8, arrived boolean)", maintain),
    define("cancel_jobs(ids text[])", "TABLE (id text, result text)", cancelJobs),
    define("reschedule_jobs(ids text[], delay_ms float8)", "TABLE (id text, result text)", rescheduleJobs),
    define("free_slots(ids text[], keys text[])", "void", freeSlots(schema)),
    define("wake_lines(keys text[])", "void", wakeLines),
    define("wake_line(of_key text, of_queue text, most integer)", "void", wakeLine),
    define("fill_lines(of_name text, most integer)", "void", fillLines),
    define("heal_lines(after_key text, most integer)", "text", healLines),
    define(
      `ledger_commit(keys text[], expected bigint[], contents text[], due_ms float8[], lasts_ms float8[])`,
      "TABLE (key text, version bigint)",
      ledgerCommit,
    ),
    define(
      `record_waiting(of_scope text, ids text[], types text[], queues text[], tenants text[], enqueued bigint[], ats bigint[],
        all_replaces bigint[], payloads text[], all_items text[])`,
      "SETOF text",
      recordWaiting,
    ),
    define(
      `record_states(of_scope text, ids text[], states text[], codes text[], messages text[], ats bigint[], starts bigint[],
        ends bigint[], ranks bigint[], all_replaces bigint[], all_items text[], tenants text[], have_payload boolean[])`,
      "SETOF text",
      recordStates,
    ),
    define("record_merge(of_scope text, changes json)", "void", recordMerge),
    define("record_list_open(of_scope text, before bigint, most bigint, now_ms bigint)", "void", recordListOpen),
  ].join("\n");
};

const leasedRows = `TABLE (seq bigint, id text, type text, rank smallint, tenant text, signature text,
  signature_timestamp bigint, failures integer, lost integer, releases integer, late_ms float8, body text)`;

/**
 * The largest count that can be raised. Another program may have written a count at the end of its range, or an endless
 * time: such a row must not fail a statement that serves other rows.
 */
const MAX_COUNT = 2_147_483_646;

/** Writes rows in the order of ids, whatever their order in line: two callers with the same ids never deadlock. */
const enqueue = `
  PERFORM notify_queues(notified);
  RETURN QUERY WITH given AS MATERIALIZED (
    SELECT nextval('job_seq') AS seq, one.*
    FROM unnest(ids, queues, types, priorities, delays, tenants, signatures, timestamps, bodies)
      AS one (id, queue, type, priority, delay_ms, tenant, signature, signature_timestamp, body)
  )
  INSERT INTO jobs (seq, id, queue, rank, wake_at, due_at, enqueued_at, type, tenant, signature, signature_timestamp, body)
  SELECT seq, id, queue, -priority, due_at, due_at, statement_timestamp(), type, tenant, signature, signature_timestamp, body
  FROM (SELECT *, statement_timestamp() + delay_ms * interval '1 ms' AS due_at FROM given) AS one
  WHERE NOT EXISTS (SELECT 1 FROM dead WHERE dead.id = one.id AND NOT dead.rejected)
  ORDER BY id
  ON CONFLICT (id) DO NOTHING
  RETURNING jobs.id;`;

/** Jobs with keys of limits count under them, although this call names no limit. */
const lease = `
  IF EXISTS (SELECT 1 FROM jobs WHERE queue = of_queue AND wake_at IS NULL AND limit_keys IS NOT NULL) THEN
    RETURN QUERY SELECT * FROM lease_limited(of_queue, most, lease_ms, new_token, '{}', '{}', NULL, '{}');
    RETURN;
  END IF;
  RETURN QUERY WITH first AS MATERIALIZED (
    SELECT ctid AS place FROM jobs
    WHERE queue = of_queue AND wake_at IS NULL
    ORDER BY rank, seq LIMIT most
    FOR UPDATE SKIP LOCKED
  )
  UPDATE jobs AS job SET wake_at = statement_timestamp() + lease_ms * interval '1 ms', token = new_token,
    has_key = job.has_key AND job.unique_until <> 'start'
  FROM first WHERE job.ctid = first.place
  RETURNING job.seq, job.id, job.type, job.rank, job.tenant, job.signature, job.signature_timestamp, job.failures,
    job.lost, job.releases,
    CASE WHEN isfinite(job.due_at) THEN extract(epoch FROM statement_timestamp() - job.due_at)::float8 * 1000 END,
    job.body;`;

/** One row at most, which must be read for the slots to be freed. */
const freeSlotsOf = (ended: string): string => `SELECT free_slots(array_agg(id), array_agg(key)) AS done
    FROM ${ended}, unnest(limit_keys) AS key HAVING count(*) > 0`;

const ack = `
  RETURN QUERY WITH gone AS (
    DELETE FROM jobs AS job USING unnest(ids, tokens) AS lease (id, token)
    WHERE job.id = lease.id AND job.token = lease.token
    RETURNING job.id, job.queue, job.type, job.failures, job.limit_keys
  ), freed AS (
    ${freeSlotsOf("gone")}
  ), kept AS (
    INSERT INTO finished (finished_at, queue, count, jobs)
    SELECT statement_timestamp(), queue, count(*), json_agg(json_build_array(id, type, failures + 1::bigint))
    FROM gone WHERE remember GROUP BY queue
  )
  SELECT id FROM gone LEFT JOIN freed ON true;`;

/** A locked row is just being settled. Its end is returned unchanged, without waiting. */
const extend = `
  RETURN QUERY WITH unlocked AS MATERIALIZED (
    SELECT job.ctid AS place
    FROM unnest(ids, tokens) AS lease (id, token)
    JOIN jobs AS job ON job.id = lease.id AND job.token = lease.token
    FOR UPDATE OF job SKIP LOCKED
  ), longer AS (
    UPDATE jobs AS job SET wake_at = statement_timestamp() + lease_ms * interval '1 ms'
    FROM unlocked WHERE job.ctid = unlocked.place
    RETURNING job.id, job.token
  )
  SELECT longer.id, lease_ms FROM longer
  UNION ALL
  SELECT job.id, extract(epoch FROM job.wake_at - statement_timestamp())::float8 * 1000
  FROM unnest(ids, tokens) AS lease (id, token)
  JOIN jobs AS job ON job.id = lease.id AND job.token = lease.token
  WHERE NOT EXISTS (SELECT 1 FROM longer WHERE longer.id = job.id);`;

const freeSlotsOfEnded = `IF ended.limit_keys IS NOT NULL THEN
    PERFORM free_slots(array_fill(ended.id, ARRAY[cardinality(ended.limit_keys)]), ended.limit_keys);
  END IF;`;

/** A released job keeps its position in line. A failed one goes to the end. */
const retry = `
  DECLARE ended record;
  BEGIN
  PERFORM notify_queues(notified);
  UPDATE jobs SET
    token = NULL,
    failures = least(failures, ${MAX_COUNT}) + counts::integer,
    releases = least(releases, ${MAX_COUNT}) + (NOT counts)::integer,
    wake_at = statement_timestamp() + delay_ms * interval '1 ms',
    due_at = statement_timestamp() + delay_ms * interval '1 ms',
    seq = CASE WHEN counts THEN nextval('job_seq') ELSE seq END
  WHERE id = of_id AND token = of_token
  RETURNING id, limit_keys INTO ended;
  IF NOT FOUND THEN RETURN; END IF;
  ${freeSlotsOfEnded}
  RETURN NEXT of_id;
  END`;

const deadLetter = `
  DECLARE ended jobs;
  BEGIN
  DELETE FROM jobs WHERE id = of_id AND token = of_token RETURNING * INTO ended;
  IF NOT FOUND THEN RETURN; END IF;
  INSERT INTO dead (id, queue, rank, attempt, code, message, error, died_at, type, tenant, signature, signature_timestamp, body,
    limit_keys, unique_key, unique_until, enqueued_at)
  VALUES (ended.id, ended.queue, ended.rank, least(ended.failures, ${MAX_COUNT}) + 1, of_code, of_message, of_error,
    statement_timestamp(), ended.type, ended.tenant, ended.signature, ended.signature_timestamp, ended.body, ended.limit_keys,
    ended.unique_key, ended.unique_until, ended.enqueued_at);
  IF NOT FOUND THEN
    RAISE 'job "%" was not dead-lettered: a trigger on the table dead refuses it; drop the trigger, or let its function return NEW', of_id;
  END IF;
  ${freeSlotsOfEnded}
  RETURN NEXT of_id;
  END`;

/** Makes jobs ready as if they had never been leased. */
const release = `
  RETURN QUERY WITH released AS (
    UPDATE jobs AS job SET token = NULL, wake_at = NULL
    FROM unnest(ids, tokens) AS lease (id, token)
    WHERE job.id = lease.id AND job.token = lease.token
    RETURNING job.id, job.queue, job.limit_keys
  ), freed AS (
    ${freeSlotsOf("released")}
  )
  SELECT queue FROM released LEFT JOIN freed ON true;`;

/**
 * Ends delays and leases. A job whose delay ends goes to the end of the line. `leasing` has the queues with leases, each read by one
 * step in the index, and a null at the end.
 */
const maintain = `
  RETURN QUERY WITH RECURSIVE leasing AS (
    (SELECT queue FROM jobs WHERE token IS NOT NULL ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT job.queue FROM jobs AS job
      WHERE job.token IS NOT NULL AND job.queue > leasing.queue ORDER BY job.queue LIMIT 1)
    FROM leasing WHERE leasing.queue IS NOT NULL
  ), delayed AS MATERIALIZED (
    SELECT ctid AS place FROM jobs
    WHERE token IS NULL AND blocked_on IS NULL AND wake_at <= statement_timestamp()
    ORDER BY wake_at LIMIT most
    FOR UPDATE SKIP LOCKED
  ), lost AS MATERIALIZED (
    SELECT job.place FROM leasing, LATERAL (
      SELECT ctid AS place FROM jobs
      WHERE queue = leasing.queue AND token IS NOT NULL AND wake_at <= statement_timestamp()
      ORDER BY wake_at LIMIT most
      FOR UPDATE SKIP LOCKED
    ) AS job
  ), ended AS (
    UPDATE jobs AS job SET
      wake_at = NULL,
      token = NULL,
      lost = least(job.lost, ${MAX_COUNT}) + (job.token IS NOT NULL)::integer,
      seq = CASE WHEN job.token IS NULL THEN nextval('job_seq') ELSE job.seq END
    FROM (SELECT place, false AS leased FROM delayed UNION ALL SELECT place, true FROM lost) AS due
    WHERE job.ctid = due.place
    RETURNING job.queue, job.id, CASE WHEN due.leased THEN job.limit_keys END AS limit_keys
  ), freed AS (
    ${freeSlotsOf("ended")}
  ), ready AS MATERIALIZED (
    SELECT coalesce(array_agg(DISTINCT queue), '{}') AS names, count(*) AS jobs FROM ended
  ), next AS (
    (SELECT wake_at FROM jobs
      WHERE token IS NULL AND blocked_on IS NULL AND wake_at > statement_timestamp() AND wake_at < 'infinity'
      ORDER BY wake_at LIMIT 1)
    UNION ALL
    SELECT job.wake_at FROM leasing, LATERAL (
      SELECT wake_at FROM jobs
      WHERE queue = leasing.queue AND token IS NOT NULL AND wake_at > statement_timestamp() AND wake_at < 'infinity'
      ORDER BY wake_at LIMIT 1
    ) AS job
  )
  SELECT names, jobs >= most,
    (SELECT extract(epoch FROM min(wake_at) - statement_timestamp())::float8 * 1000 FROM next),
    EXISTS (SELECT 1 FROM inbox)
  FROM ready LEFT JOIN freed ON true, LATERAL (SELECT notify_queues(names)) AS sent;`;
