const columns = `(seq, id, queue, rank, wake_at, due_at, enqueued_at, type, tenant, signature, signature_timestamp, body,
      limit_keys, unique_key, unique_until, has_key)`;

/** The columns of a row of `messages`, or of a variable with such a row. */
const valuesOf = (
  row: string,
): string => `${row}.seq, ${row}.id, ${row}.queue, -${row}.priority, ${row}.due_at, ${row}.due_at,
      statement_timestamp(), ${row}.type, ${row}.tenant, ${row}.signature, ${row}.signature_timestamp, ${row}.body,
      ${row}.limit_keys::text[], ${row}.unique_key, ${row}.unique_until, CASE WHEN ${row}.unique_key IS NOT NULL THEN true END
    WHERE NOT EXISTS (SELECT 1 FROM dead WHERE dead.id = ${row}.id AND NOT dead.rejected)`;

/** The parameters as a table, in the order of their keys, and those of one key in the order of the list: two callers never wait for each other. */
const messages = `(
      SELECT given.*, statement_timestamp() + delay_ms * interval '1 ms' AS due_at
      FROM unnest(seqs, ids, queues, types, priorities, delays, tenants, signatures, timestamps, bodies, limits, unique_keys,
        untils, window_ms, conflicts) WITH ORDINALITY AS given (seq, id, queue, type, priority, delay_ms, tenant, signature,
        signature_timestamp, body, limit_keys, unique_key, unique_until, window_ms, on_conflict, place)
      ORDER BY type COLLATE "C", unique_key COLLATE "C", place
    ) AS message`;

/** Keeps a key that is taken for a time beside its job. */
const onWindow = "ON CONFLICT (type, key) DO UPDATE SET id = excluded.id, ends_at = excluded.ends_at";

/**
 * The body of `enqueue_keyed()`: the same as `enqueue()` for jobs of which some have a unique key or keys of limits. It returns a
 * row for each message that was not simply stored: whether it was, and the job that has its key or whose place it took.
 *
 * The unique key of a job is in the index `jobs_unique` while the row says `has_key`, so it cannot outlive the job. A caller that
 * inserts the same key waits there until the other transaction ends. All messages are inserted at once; only those that met
 * another job are judged one by one.
 *
 * A key that is taken for a time is in `unique_windows` as well, since its job may end before. Such a row is written only with
 * the key in the index, and read only after the key was got there: no other job of the key can come between.
 */
export const enqueueKeyed: string = `
  DECLARE
    seqs bigint[] := ARRAY(SELECT nextval('job_seq') FROM generate_subscripts(ids, 1));
    inserted bigint[];
    undone bigint[];
    one record;
    rival record;
    freed_keys text[];
    tries integer;
  BEGIN
  PERFORM notify_queues(notified);
  WITH new AS (
    INSERT INTO jobs ${columns}
    SELECT ${valuesOf("message").replace("WHERE", `FROM ${messages} WHERE`)}
    ON CONFLICT DO NOTHING RETURNING jobs.seq
  )
  SELECT coalesce(array_agg(seq), '{}') INTO inserted FROM new;

  IF EXISTS (SELECT 1 FROM unique_windows) THEN
    WITH late AS (
      DELETE FROM jobs AS job
      USING unnest(seqs, ids, types, unique_keys) AS message (seq, id, type, unique_key), unique_windows AS w
      WHERE w.type = message.type AND w.key = message.unique_key AND w.ends_at > clock_timestamp()
        AND job.id = message.id AND job.seq = message.seq
      RETURNING job.seq
    )
    SELECT array_agg(seq) INTO undone FROM late;
    inserted := ARRAY(SELECT seq FROM unnest(inserted) AS seq WHERE seq <> ALL (coalesce(undone, '{}')));
  END IF;
  IF EXISTS (SELECT 1 FROM unnest(window_ms) AS ms WHERE ms IS NOT NULL) THEN
    INSERT INTO unique_windows (type, key, id, ends_at)
    SELECT type, unique_key, id, statement_timestamp() + window_ms * interval '1 ms'
    FROM ${messages} WHERE window_ms IS NOT NULL AND seq = ANY (inserted)
    ${onWindow};
  END IF;
  IF cardinality(inserted) = cardinality(ids) THEN RETURN; END IF;

  FOR one IN
    SELECT * FROM ${messages} WHERE seq <> ALL (inserted)
  LOOP
    number := one.place;
    stored := false;
    duplicate_of := NULL;
    replaced := NULL;
    tries := 0;
    LOOP
      tries := tries + 1;
      -- Each try but the last means that another job has come or gone meanwhile.
      IF tries > 1000 THEN
        RAISE 'job "%" was not stored, though no other has its id or its unique key: a trigger on the table jobs refuses it', one.id;
      END IF;
      -- A job of the same id comes before one of the same key.
      EXIT WHEN one.unique_key IS NULL OR EXISTS (SELECT 1 FROM jobs WHERE id = one.id)
        OR EXISTS (SELECT 1 FROM dead WHERE id = one.id AND NOT rejected);
      SELECT id, unique_until INTO rival FROM jobs
      WHERE type = one.type AND unique_key = one.unique_key AND has_key;
      IF FOUND THEN
        IF rival.unique_until = 'time' THEN
          UPDATE jobs SET has_key = NULL WHERE id = rival.id AND NOT EXISTS (
            SELECT 1 FROM unique_windows AS w WHERE w.type = one.type AND w.key = one.unique_key
              AND w.id = rival.id AND w.ends_at > clock_timestamp()
          );
          CONTINUE WHEN FOUND;
        END IF;
        IF one.on_conflict = 'replace' THEN
          DELETE FROM jobs WHERE id = rival.id AND token IS NULL AND failures = 0 AND lost = 0 AND releases = 0
          RETURNING coalesce(limit_keys, '{}') INTO freed_keys;
          IF FOUND THEN
            replaced := rival.id;
            DELETE FROM unique_windows AS w
            WHERE w.type = one.type AND w.key = one.unique_key AND w.id = rival.id;
            PERFORM wake_lines(freed_keys);
            CONTINUE;
          END IF;
          -- It ended, or its key is free, since it was looked up.
          CONTINUE WHEN NOT EXISTS (SELECT 1 FROM jobs WHERE id = rival.id AND has_key);
        END IF;
        duplicate_of := rival.id;
        EXIT;
      END IF;

      INSERT INTO jobs ${columns}
      SELECT ${valuesOf("one")}
      ON CONFLICT DO NOTHING;
      CONTINUE WHEN NOT FOUND;
      SELECT w.id INTO duplicate_of FROM unique_windows AS w
      WHERE w.type = one.type AND w.key = one.unique_key AND w.ends_at > clock_timestamp();
      IF FOUND THEN
        DELETE FROM jobs WHERE id = one.id;
        -- The same job has ended, and its key outlives it.
        duplicate_of := nullif(duplicate_of, one.id);
        EXIT;
      END IF;
      stored := true;
      EXIT;
    END LOOP;
    IF stored AND one.window_ms IS NOT NULL THEN
      INSERT INTO unique_windows (type, key, id, ends_at)
      VALUES (one.type, one.unique_key, one.id, statement_timestamp() + one.window_ms * interval '1 ms')
      ${onWindow};
    END IF;
    RETURN NEXT;
  END LOOP;
  END`;
