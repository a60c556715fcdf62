/**
 * Concurrency keys, written "name/key". A slot is a lease: `slots` has a row for each key of each leased job, written by the
 * statement that leases it and removed by the one that ends the lease, whatever ends it. A job whose key is full is set aside
 * once: `blocked_on` names the key, and no lease reads the row until the end of a lease of that key makes it ready again. The
 * jobs of one queue that wait for one key are a line.
 *
 * Who counts the slots of a key, and who ends a lease of it, locks the key until its transaction ends. So a job is never set
 * aside for a lease that has just ended. Leasing skips a key that is locked, and ends of leases lock theirs in one order after
 * the rows of their jobs, so that no two of them wait for each other.
 */
const lockOf = (schema: string, key: string): string => `hashtextextended('waybill ${schema} ' || ${key}, 0)`;

/** A call looks at new jobs until it has so many keys: each is a lock, and the server has space for 64 a connection on average. */
const MOST_KEYS = 128;
/** The most jobs that one call sets aside, so that it stays short. */
const MOST_ASIDE = 1_000;

/**
 * Leases jobs in their order, some at a time. `free` has the slots left of each key in `seen`; −1: another transaction has locked
 * it, and its jobs stay ready. A row without an id asks the caller to look again soon; its `seq` is how many jobs were set aside.
 */
export const leaseLimited = (schema: string): string => `
  DECLARE
    line record;
    one record;
    one_key text;
    positions tid[];
    lists text[];
    types text[];
    fresh text[];
    locks boolean[];
    used integer[];
    taken tid[] := '{}';
    aside tid[] := '{}';
    aside_on text[] := '{}';
    seen text[] := '{}';
    free integer[] := '{}';
    again boolean := false;
    left_over boolean := false;
    unsure boolean;
    full_key text;
    most_now integer := most;
    batch integer;
    at integer;
    last_rank smallint := -32768;
    last_seq bigint := -9223372036854775807;
  BEGIN
  IF queue_most IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(${lockOf(schema, "'queue ' || of_queue")});
    SELECT least(most, queue_most - count(*)) INTO most_now
    FROM (SELECT 1 FROM jobs WHERE queue = of_queue AND token IS NOT NULL LIMIT queue_most) AS leases;
    IF most_now <= 0 THEN RETURN; END IF;
  END IF;

  batch := least(most_now, ${MOST_KEYS});
  WHILE cardinality(taken) < most_now LOOP
    WITH next AS MATERIALIZED (
      SELECT ctid AS place, rank, seq, type, limit_keys FROM jobs
      WHERE queue = of_queue AND wake_at IS NULL AND (rank, seq) > (last_rank, last_seq)
        AND (type <> ALL (without_types) OR limit_keys IS NOT NULL)
      ORDER BY rank, seq LIMIT batch FOR UPDATE SKIP LOCKED
    )
    SELECT array_agg(place), array_agg(limit_keys::text), array_agg(type),
      (array_agg(rank))[count(*)], (array_agg(seq))[count(*)]
    INTO positions, lists, types, last_rank, last_seq FROM next;
    EXIT WHEN positions IS NULL;

    -- Keys of an excluded type matter only where jobs wait for them, which may start instead.
    SELECT array_agg(DISTINCT key) INTO fresh
    FROM unnest(lists, types) AS job (list, type), unnest(job.list::text[]) AS key
    WHERE split_part(key, '/', 1) = ANY (names) AND key <> ALL (seen)
      AND (job.type <> ALL (without_types) OR EXISTS (SELECT 1 FROM jobs WHERE blocked_on = key AND queue = of_queue));
    IF fresh IS NOT NULL THEN
      SELECT array_agg(pg_try_advisory_xact_lock(${lockOf(schema, "key")}) ORDER BY number) INTO locks
      FROM unnest(fresh) WITH ORDINALITY AS one_of (key, number);
      -- A statement of its own, which sees what was committed before the locks.
      SELECT free || array_agg(CASE WHEN NOT locked THEN -1 ELSE greatest(limit_of.most - (
        SELECT count(*)::integer FROM (SELECT 1 FROM slots WHERE slots.key = one_of.key LIMIT limit_of.most) AS leases
      ), 0) END ORDER BY number) INTO free
      FROM unnest(fresh, locks) WITH ORDINALITY AS one_of (key, locked, number),
        LATERAL (SELECT numbers[array_position(names, split_part(one_of.key, '/', 1))] AS most) AS limit_of;
      seen := seen || fresh;
    END IF;

    FOR one IN SELECT * FROM unnest(positions, lists, types) AS job (place, list, type) LOOP
      CONTINUE WHEN one.type = ANY (without_types);
      used := '{}';
      unsure := false;
      full_key := NULL;
      IF one.list IS NOT NULL THEN
        FOREACH one_key IN ARRAY one.list::text[] LOOP
          at := array_position(seen, one_key);
          CONTINUE WHEN at IS NULL;
          used := used || at;
          IF free[at] = 0 THEN full_key := coalesce(full_key, one_key); END IF;
          IF free[at] < 0 THEN unsure := true; END IF;
        END LOOP;
      END IF;
      IF full_key IS NOT NULL THEN
        aside := aside || one.place;
        aside_on := aside_on || full_key;
      ELSIF unsure THEN
        again := true;
      ELSIF cardinality(taken) >= most_now THEN
        left_over := true;
      ELSE
        taken := taken || one.place;
        FOREACH at IN ARRAY used LOOP free[at] := free[at] - 1; END LOOP;
      END IF;
    END LOOP;

    EXIT WHEN cardinality(positions) < batch;
    IF cardinality(seen) >= ${MOST_KEYS} OR cardinality(aside) >= ${MOST_ASIDE} THEN
      again := true;
      EXIT;
    END IF;
    batch := least(greatest(most_now - cardinality(taken), CASE WHEN cardinality(taken) = 0 THEN 2 * batch ELSE 1 END), ${MOST_KEYS});
  END LOOP;
  -- Jobs that this call had locked, and another one may lease.
  IF left_over THEN PERFORM notify_queues(ARRAY[of_queue]); END IF;

  IF cardinality(aside) > 0 THEN
    UPDATE jobs AS job SET wake_at = 'infinity', blocked_on = full_key.name
    FROM unnest(aside, aside_on) AS full_key (place, name) WHERE job.ctid = full_key.place;
  END IF;
  INSERT INTO slots (key, id)
  SELECT key, job.id FROM jobs AS job, unnest(job.limit_keys) AS key WHERE job.ctid = ANY (taken)
  ON CONFLICT DO NOTHING;
  -- A key with slots left whose jobs wait: its number was raised, or a job of two keys could not start.
  FOR line IN
    SELECT key, slots_left FROM unnest(seen, free) AS one_key (key, slots_left)
    WHERE slots_left > 0 AND EXISTS (SELECT 1 FROM jobs WHERE blocked_on = one_key.key AND queue = of_queue)
  LOOP
    PERFORM wake_line(line.key, of_queue, line.slots_left);
    again := true;
  END LOOP;

  RETURN QUERY UPDATE jobs AS job SET wake_at = statement_timestamp() + lease_ms * interval '1 ms', token = new_token,
    has_key = job.has_key AND job.unique_until <> 'start'
  WHERE job.ctid = ANY (taken)
  RETURNING job.seq, job.id, job.type, job.rank, job.tenant, job.signature, job.signature_timestamp, job.failures,
    job.lost, job.releases,
    CASE WHEN isfinite(job.due_at) THEN extract(epoch FROM statement_timestamp() - job.due_at)::float8 * 1000 END,
    job.body;
  IF again AND cardinality(taken) = 0 THEN
    RETURN QUERY SELECT cardinality(aside)::bigint, NULL::text, NULL::text, NULL::smallint, NULL::text, NULL::text, NULL::bigint,
      NULL::integer, NULL::integer, NULL::integer, NULL::float8, NULL::text;
  END IF;
  END`;

/** Ends the leases of jobs: one pair of id and key for each key of each job. Makes as many jobs of each line ready. */
export const freeSlots = (schema: string): string => `
  DECLARE ended record;
  BEGIN
  PERFORM pg_advisory_xact_lock(number)
  FROM (SELECT DISTINCT ${lockOf(schema, "key")} AS number FROM unnest(keys) AS key ORDER BY 1) AS locks;
  DELETE FROM slots USING unnest(ids, keys) AS lease (id, key)
  WHERE slots.key = lease.key COLLATE "C" AND slots.id = lease.id COLLATE "C";
  PERFORM wake_lines(keys);
  END`;

/** Makes the next job of every line of these keys ready; as many as the key is named. Needs no lock: at worst a job is set aside again. */
export const wakeLines = `
  DECLARE
    line record;
    at_queue text;
  BEGIN
  FOR line IN
    SELECT key, count(*)::integer AS number FROM unnest(keys) AS key
    WHERE EXISTS (SELECT 1 FROM jobs WHERE blocked_on = key) GROUP BY key
  LOOP
    at_queue := '';
    LOOP
      SELECT queue INTO at_queue FROM jobs WHERE blocked_on = line.key AND queue > at_queue ORDER BY queue LIMIT 1;
      EXIT WHEN NOT FOUND;
      PERFORM wake_line(line.key, at_queue, line.number);
    END LOOP;
  END LOOP;
  END`;

/** Makes the next jobs of one line ready. One that is locked is just being cancelled or replaced. */
export const wakeLine = `
  WITH next AS MATERIALIZED (
    SELECT ctid AS place FROM jobs WHERE blocked_on = of_key AND queue = of_queue
    ORDER BY rank, seq LIMIT most FOR UPDATE SKIP LOCKED
  )
  UPDATE jobs AS job SET wake_at = NULL, blocked_on = NULL FROM next WHERE job.ctid = next.place;
  PERFORM notify_queues(ARRAY[of_queue]);`;

/** Makes jobs ready that wait for a key of a limit although the limit has that many slots: its number was raised. */
export const fillLines = `
  DECLARE
    at_key text := of_name || '/';
    number integer;
  BEGIN
  LOOP
    SELECT blocked_on INTO at_key FROM jobs
    WHERE blocked_on > at_key AND blocked_on < of_name || '0' ORDER BY blocked_on LIMIT 1;
    EXIT WHEN NOT FOUND;
    SELECT most - count(*)::integer INTO number FROM (SELECT 1 FROM slots WHERE key = at_key LIMIT most) AS leases;
    IF number > 0 THEN PERFORM wake_lines(array_fill(at_key, ARRAY[least(number, 1000)])); END IF;
  END LOOP;
  END`;

/**
 * Repairs what another program broke by writing the tables: removes slots of jobs that are not leased, and makes the next job ready
 * of lines whose key has no lease. Looks at the lines of `most` keys behind a key; returns the last key, null at the end.
 */
export const healLines = `
  DECLARE at_key text := after_key;
  BEGIN
  DELETE FROM slots WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = slots.id AND token IS NOT NULL);
  FOR count IN 1..most LOOP
    SELECT blocked_on INTO at_key FROM jobs WHERE blocked_on > at_key ORDER BY blocked_on LIMIT 1;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF NOT EXISTS (SELECT 1 FROM slots WHERE key = at_key) THEN PERFORM wake_lines(ARRAY[at_key]); END IF;
  END LOOP;
  RETURN at_key;
  END`;
