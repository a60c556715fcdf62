/**
 * The verbs, as functions: a plan is kept by the server's session, so no statement needs a name (which a pooler would
 * lose), and the settings beside each function hold its plan to the indexes. On a table that is empty one minute and
 * holds a million jobs the next, statistics are always wrong, and one sort of the whole line costs more than a thousand claims.
 *
 * `told` names queues of which waiting workers are told when the transaction commits.
 */
export const functions = (schema: string, channel: string): string => {
  const plan = `SET search_path = "${schema}", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off`;
  const define = (signature: string, returns: string, body: string): string => `
    CREATE FUNCTION ${signature} RETURNS ${returns} LANGUAGE plpgsql ${plan} AS $body$
    #variable_conflict use_column
    BEGIN ${body} END $body$;`;
  return [
    define("tell(told text[])", "void", `PERFORM pg_notify('${channel}', name) FROM unnest(told) AS name;`),
    define(
      `enqueue(ids text[], queues text[], types text[], priorities smallint[], delays float8[], tenants text[],
        signatures text[], timestamps bigint[], bodies text[], told text[])`,
      "SETOF text",
      enqueue,
    ),
    define(
      "claim(of_queue text, most integer, lease_ms float8, as_claim bigint)",
      `TABLE (seq bigint, id text, type text, rank smallint, tenant text, signature text, signature_timestamp bigint,
        failures integer, lost integer, releases integer, late_ms float8, body text)`,
      claim,
    ),
    define("ack(ids text[], claims bigint[], remember boolean)", "SETOF text", ack),
    define("extend(ids text[], claims bigint[], lease_ms float8)", "TABLE (id text, ends_in_ms float8)", extend),
    define("retry(of_id text, of_claim bigint, delay_ms float8, counts boolean, told text[])", "SETOF text", retry),
    define("bury(of_id text, of_claim bigint, of_code text, of_message text)", "SETOF text", bury),
    define("hand_back(ids text[], claims bigint[])", "SETOF text", handBack),
    define("tend(most integer)", "TABLE (woken text[], more boolean, next_ms float8, arrived boolean)", tend),
    `CREATE FUNCTION tell_of_arrivals() RETURNS trigger LANGUAGE plpgsql AS
      $body$ BEGIN PERFORM pg_notify('${channel}', ''); RETURN NULL; END $body$;
    CREATE TRIGGER arrivals AFTER INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION tell_of_arrivals();`,
  ].join("\n");
};

/**
 * Any program may have written a row: a count at the end of its range, or a time without end, must not fail a statement
 * that serves other rows too.
 */
const MOST = 2_147_483_646;

/** Rows are written in the order of ids, whatever the order in line: two callers with the same ids never deadlock. */
const enqueue = `
  PERFORM tell(told);
  RETURN QUERY WITH given AS MATERIALIZED (
    SELECT nextval('line') AS seq, one.*
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

const claim = `
  RETURN QUERY WITH head AS MATERIALIZED (
    SELECT ctid AS place FROM jobs
    WHERE queue = of_queue AND wake_at IS NULL
    ORDER BY rank, seq LIMIT most
    FOR UPDATE SKIP LOCKED
  )
  UPDATE jobs AS job SET wake_at = statement_timestamp() + lease_ms * interval '1 ms', claim = as_claim
  FROM head WHERE job.ctid = head.place
  RETURNING job.seq, job.id, job.type, job.rank, job.tenant, job.signature, job.signature_timestamp, job.failures,
    job.lost, job.releases,
    CASE WHEN isfinite(job.due_at) THEN extract(epoch FROM statement_timestamp() - job.due_at)::float8 * 1000 END,
    job.body;`;

const ack = `
  RETURN QUERY WITH gone AS (
    DELETE FROM jobs AS job USING unnest(ids, claims) AS lease (id, claim)
    WHERE job.id = lease.id AND job.claim = lease.claim
    RETURNING job.id, job.queue, job.type, job.failures
  ), kept AS (
    INSERT INTO finished (finished_at, queue, count, jobs)
    SELECT statement_timestamp(), queue, count(*), json_agg(json_build_array(id, type, failures + 1::bigint))
    FROM gone WHERE remember GROUP BY queue
  )
  SELECT id FROM gone;`;

/** A row that is locked is being settled, by its own holder: its end is answered as it is, and nobody waits for anybody. */
const extend = `
  RETURN QUERY WITH held AS MATERIALIZED (
    SELECT job.ctid AS place
    FROM unnest(ids, claims) AS lease (id, claim)
    JOIN jobs AS job ON job.id = lease.id AND job.claim = lease.claim
    FOR UPDATE OF job SKIP LOCKED
  ), longer AS (
    UPDATE jobs AS job SET wake_at = statement_timestamp() + lease_ms * interval '1 ms'
    FROM held WHERE job.ctid = held.place
    RETURNING job.id, job.claim
  )
  SELECT longer.id, lease_ms FROM longer
  UNION ALL
  SELECT job.id, extract(epoch FROM job.wake_at - statement_timestamp())::float8 * 1000
  FROM unnest(ids, claims) AS lease (id, claim)
  JOIN jobs AS job ON job.id = lease.id AND job.claim = lease.claim
  WHERE NOT EXISTS (SELECT 1 FROM longer WHERE longer.id = job.id);`;

/** Handed back untried, a job keeps its place in line; failed, it goes to the end. */
const retry = `
  PERFORM tell(told);
  RETURN QUERY UPDATE jobs SET
    claim = NULL,
    failures = least(failures, ${MOST}) + counts::integer,
    releases = least(releases, ${MOST}) + (NOT counts)::integer,
    wake_at = statement_timestamp() + delay_ms * interval '1 ms',
    due_at = statement_timestamp() + delay_ms * interval '1 ms',
    seq = CASE WHEN counts THEN nextval('line') ELSE seq END
  WHERE id = of_id AND claim = of_claim
  RETURNING id;`;

const bury = `
  RETURN QUERY WITH gone AS (
    DELETE FROM jobs WHERE id = of_id AND claim = of_claim RETURNING *
  )
  INSERT INTO dead (id, queue, rank, attempt, code, message, died_at, type, tenant, signature, signature_timestamp, body)
  SELECT id, queue, rank, least(failures, ${MOST}) + 1, of_code, of_message, statement_timestamp(), type, tenant, signature,
    signature_timestamp, body
  FROM gone
  RETURNING dead.id;`;

/** As if it had never been leased. */
const handBack = `
  RETURN QUERY UPDATE jobs AS job SET claim = NULL, wake_at = NULL
  FROM unnest(ids, claims) AS lease (id, claim)
  WHERE job.id = lease.id AND job.claim = lease.claim
  RETURNING job.queue;`;

/** What time makes true: delays and leases end. Jobs that fall due join the line at its end. */
const tend = `
  RETURN QUERY WITH due AS MATERIALIZED (
    SELECT ctid AS place FROM jobs
    WHERE wake_at <= statement_timestamp()
    ORDER BY wake_at LIMIT most
    FOR UPDATE SKIP LOCKED
  ), ended AS (
    UPDATE jobs AS job SET
      wake_at = NULL,
      claim = NULL,
      lost = least(job.lost, ${MOST}) + (job.claim IS NOT NULL)::integer,
      seq = CASE WHEN job.claim IS NULL THEN nextval('line') ELSE job.seq END
    FROM due WHERE job.ctid = due.place
    RETURNING job.queue
  ), queues AS MATERIALIZED (
    SELECT coalesce(array_agg(DISTINCT queue), '{}') AS names, count(*) AS jobs FROM ended
  )
  SELECT names, jobs >= most,
    (SELECT extract(epoch FROM wake_at - statement_timestamp())::float8 * 1000 FROM jobs
      WHERE wake_at > statement_timestamp() AND wake_at < 'infinity' ORDER BY wake_at LIMIT 1),
    EXISTS (SELECT 1 FROM inbox)
  FROM queues, LATERAL (SELECT tell(names)) AS told;`;
