
  CREATE SEQUENCE job_seq;

  CREATE TABLE jobs (
    id text COLLATE "C" PRIMARY KEY, seq bigint NOT NULL,
    queue text COLLATE "C" NOT NULL, rank smallint NOT NULL,
    wake_at timestamptz, token bigint,
    failures integer NOT NULL DEFAULT 0, lost integer NOT NULL DEFAULT 0, releases integer NOT NULL DEFAULT 0,
    due_at timestamptz, enqueued_at timestamptz NOT NULL,
    type text NOT NULL, tenant text, signature text, signature_timestamp bigint,
    body text NOT NULL
  ) WITH (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0.2
  );
  CREATE INDEX jobs_ready ON jobs (queue, rank, seq) WHERE wake_at IS NULL;
  CREATE INDEX jobs_waking ON jobs (wake_at) WHERE wake_at IS NOT NULL;

  CREATE TABLE dead (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL, queue text COLLATE "C" NOT NULL, rank smallint NOT NULL,
    attempt integer NOT NULL, code text NOT NULL, message text NOT NULL, error text,
    died_at timestamptz NOT NULL, rejected boolean NOT NULL DEFAULT false,
    type text NOT NULL, tenant text, signature text, signature_timestamp bigint,
    body text NOT NULL
  );
  CREATE INDEX dead_id ON dead (id);

  CREATE TABLE finished (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    finished_at timestamptz NOT NULL, queue text NOT NULL, count integer NOT NULL, jobs text NOT NULL
  );

  CREATE TABLE inbox (
    number bigint GENERATED ALWAYS AS IDENTITY, id text COLLATE "C" PRIMARY KEY,
    envelope text NOT NULL, signature text, signature_timestamp bigint,
    inserted_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    CHECK ((signature IS NULL) = (signature_timestamp IS NULL))
  );
  CREATE INDEX inbox_number ON inbox (number);

    CREATE FUNCTION notify_queues(notified text[]) RETURNS void LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN PERFORM pg_notify('waybill_SCHEMA', name) FROM unnest(notified) AS name; END $body$;

    CREATE FUNCTION enqueue(ids text[], queues text[], types text[], priorities smallint[], delays float8[], tenants text[],
        signatures text[], timestamps bigint[], bodies text[], notified text[]) RETURNS SETOF text LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
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
  RETURNING jobs.id; END $body$;

    CREATE FUNCTION lease(of_queue text, most integer, lease_ms float8, new_token bigint) RETURNS TABLE (seq bigint, id text, type text, rank smallint, tenant text, signature text, signature_timestamp bigint,
        failures integer, lost integer, releases integer, late_ms float8, body text) LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
  RETURN QUERY WITH first AS MATERIALIZED (
    SELECT ctid AS place FROM jobs
    WHERE queue = of_queue AND wake_at IS NULL
    ORDER BY rank, seq LIMIT most
    FOR UPDATE SKIP LOCKED
  )
  UPDATE jobs AS job SET wake_at = statement_timestamp() + lease_ms * interval '1 ms', token = new_token
  FROM first WHERE job.ctid = first.place
  RETURNING job.seq, job.id, job.type, job.rank, job.tenant, job.signature, job.signature_timestamp, job.failures,
    job.lost, job.releases,
    CASE WHEN isfinite(job.due_at) THEN extract(epoch FROM statement_timestamp() - job.due_at)::float8 * 1000 END,
    job.body; END $body$;

    CREATE FUNCTION ack(ids text[], tokens bigint[], remember boolean) RETURNS SETOF text LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
  RETURN QUERY WITH gone AS (
    DELETE FROM jobs AS job USING unnest(ids, tokens) AS lease (id, token)
    WHERE job.id = lease.id AND job.token = lease.token
    RETURNING job.id, job.queue, job.type, job.failures
  ), kept AS (
    INSERT INTO finished (finished_at, queue, count, jobs)
    SELECT statement_timestamp(), queue, count(*), json_agg(json_build_array(id, type, failures + 1::bigint))
    FROM gone WHERE remember GROUP BY queue
  )
  SELECT id FROM gone; END $body$;

    CREATE FUNCTION extend(ids text[], tokens bigint[], lease_ms float8) RETURNS TABLE (id text, ends_in_ms float8) LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
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
  WHERE NOT EXISTS (SELECT 1 FROM longer WHERE longer.id = job.id); END $body$;

    CREATE FUNCTION retry(of_id text, of_token bigint, delay_ms float8, counts boolean, notified text[]) RETURNS SETOF text LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
  PERFORM notify_queues(notified);
  RETURN QUERY UPDATE jobs SET
    token = NULL,
    failures = least(failures, 2147483646) + counts::integer,
    releases = least(releases, 2147483646) + (NOT counts)::integer,
    wake_at = statement_timestamp() + delay_ms * interval '1 ms',
    due_at = statement_timestamp() + delay_ms * interval '1 ms',
    seq = CASE WHEN counts THEN nextval('job_seq') ELSE seq END
  WHERE id = of_id AND token = of_token
  RETURNING id; END $body$;

    CREATE FUNCTION dead_letter(of_id text, of_token bigint, of_code text, of_message text, of_error text) RETURNS SETOF text LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
  RETURN QUERY WITH gone AS (
    DELETE FROM jobs WHERE id = of_id AND token = of_token RETURNING *
  )
  INSERT INTO dead (id, queue, rank, attempt, code, message, error, died_at, type, tenant, signature, signature_timestamp, body)
  SELECT id, queue, rank, least(failures, 2147483646) + 1, of_code, of_message, of_error, statement_timestamp(), type, tenant,
    signature, signature_timestamp, body
  FROM gone
  RETURNING dead.id; END $body$;

    CREATE FUNCTION release(ids text[], tokens bigint[]) RETURNS SETOF text LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
  RETURN QUERY UPDATE jobs AS job SET token = NULL, wake_at = NULL
  FROM unnest(ids, tokens) AS lease (id, token)
  WHERE job.id = lease.id AND job.token = lease.token
  RETURNING job.queue; END $body$;

    CREATE FUNCTION maintain(most integer) RETURNS TABLE (queues text[], more boolean, next_ms float8, arrived boolean) LANGUAGE plpgsql SET search_path = "SCHEMA", pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
    #variable_conflict use_column
    BEGIN 
  RETURN QUERY WITH due AS MATERIALIZED (
    SELECT ctid AS place FROM jobs
    WHERE wake_at <= statement_timestamp()
    ORDER BY wake_at LIMIT most
    FOR UPDATE SKIP LOCKED
  ), ended AS (
    UPDATE jobs AS job SET
      wake_at = NULL,
      token = NULL,
      lost = least(job.lost, 2147483646) + (job.token IS NOT NULL)::integer,
      seq = CASE WHEN job.token IS NULL THEN nextval('job_seq') ELSE job.seq END
    FROM due WHERE job.ctid = due.place
    RETURNING job.queue
  ), ready AS MATERIALIZED (
    SELECT coalesce(array_agg(DISTINCT queue), '{}') AS names, count(*) AS jobs FROM ended
  )
  SELECT names, jobs >= most,
    (SELECT extract(epoch FROM wake_at - statement_timestamp())::float8 * 1000 FROM jobs
      WHERE wake_at > statement_timestamp() AND wake_at < 'infinity' ORDER BY wake_at LIMIT 1),
    EXISTS (SELECT 1 FROM inbox)
  FROM ready, LATERAL (SELECT notify_queues(names)) AS sent; END $body$;
CREATE FUNCTION notify_arrivals() RETURNS trigger LANGUAGE plpgsql AS
      $body$ BEGIN PERFORM pg_notify('waybill_SCHEMA', ''); RETURN NULL; END $body$;
    CREATE TRIGGER arrivals AFTER INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION notify_arrivals();

  CREATE UNLOGGED TABLE workers (
    id text COLLATE "C" PRIMARY KEY, heard_at timestamptz NOT NULL, gone_at timestamptz NOT NULL, facts text NOT NULL
  ) WITH (fillfactor = 50)