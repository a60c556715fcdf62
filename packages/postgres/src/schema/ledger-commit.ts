/**
 * The body of `ledger_commit()`. `expected` is the version that a record must have: 0 for no record, −1 for no condition. It
 * returns a row for each change, or the keys in conflict, each with a null version.
 *
 * Keys are locked in their order, so that no two commits wait for each other. A missing one is inserted as expired: the primary
 * key makes two commits that both expect no record meet there, and the second waits for the first.
 */
export const ledgerCommit = `
  DECLARE asked_at timestamptz := clock_timestamp();
  BEGIN
  INSERT INTO ledger (key, version, expires_at, value)
  SELECT one, 0, '-infinity', '' FROM unnest(keys) AS one ORDER BY one COLLATE "C"
  ON CONFLICT (key) DO UPDATE SET version = 0 WHERE false;

  RETURN QUERY SELECT record.key, NULL::bigint
  FROM unnest(keys, expected) AS change (key, expected)
  JOIN ledger AS record ON record.key = change.key COLLATE "C"
  WHERE change.expected >= 0 AND change.expected
    <> CASE WHEN coalesce(record.expires_at > asked_at, true) THEN record.version ELSE 0 END;
  IF FOUND THEN
    DELETE FROM ledger WHERE key = ANY (keys) AND version = 0;
    RETURN;
  END IF;

  DELETE FROM ledger AS record USING unnest(keys, contents) AS change (key, value)
  WHERE record.key = change.key COLLATE "C" AND change.value IS NULL;

  RETURN QUERY WITH written AS (
    UPDATE ledger AS record SET
      version = nextval('ledger_seq'),
      value = change.value,
      due_at = asked_at + change.due_ms * interval '1 ms',
      expires_at = asked_at + change.lasts_ms * interval '1 ms'
    FROM unnest(keys, contents, due_ms, lasts_ms) AS change (key, value, due_ms, lasts_ms)
    WHERE record.key = change.key COLLATE "C" AND change.value IS NOT NULL
    RETURNING record.key, record.version
  )
  SELECT change.key, coalesce(written.version, 0)
  FROM unnest(keys) AS change (key) LEFT JOIN written ON written.key = change.key COLLATE "C";
  END`;
