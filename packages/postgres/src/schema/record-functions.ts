/** Whether a change, `c`, has a newer state than its record, `r`; see `mergeRecord` of core. */
const newerThan = (c: string): string =>
  `(${c}.rank > r.rank OR (${c}.rank = r.rank AND ${c}.at >= r.at) OR ${c}.replaces > r.at)`;

/** The commit does not wait for the disk: a crash loses what a killed process loses as well. */
const UNSYNCED = "PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);";

/** `listed` of a record that is inserted in this state. One that waits or runs is found by its second. */
const listedFirst = (c: string): string =>
  `CASE WHEN ${c}.state NOT IN ('completed', 'waiting', 'running') THEN ${c}.state END`;

/** `listed` of a record that changes into this state: one that was found by its second still is. */
const listedThen = (c: string): string => `CASE WHEN ${c}.state = 'completed' OR (${c}.state IN ('waiting', 'running')
  AND r.listed IS NULL AND r.state IN ('waiting', 'running')) THEN NULL ELSE ${c}.state END`;

/**
 * Writes down the seconds of records that are about to be inserted. The lock is held until they are: `recordListOpen` waits for it before it
 * looks whether a second is still needed. Seconds come before records in every writer, so no two wait for each other.
 */
const openSeconds = (times: string): string => `LOCK TABLE records_open IN ROW EXCLUSIVE MODE;
  INSERT INTO records_open (scope, second)
  SELECT of_scope, second FROM (SELECT DISTINCT enqueued_at / 1000 AS second FROM ${times}) AS new
  WHERE NOT EXISTS (SELECT 1 FROM records_open AS open WHERE open.scope = of_scope AND open.second = new.second)
  ORDER BY second ON CONFLICT DO NOTHING;`;

/** The body of `record_waiting()`: inserts records of jobs that wait. Returns the ids of those that had a record. */
export const recordWaiting: string = `
  DECLARE added text[];
  BEGIN
  ${UNSYNCED}
  ${openSeconds("unnest(enqueued) AS one (enqueued_at)")}
  WITH new AS (
    INSERT INTO records (scope, id, type, queue, tenant, enqueued_at, at, rank, replaces, state, payload, items)
    SELECT of_scope, id, type, queue, tenant, enqueued_at, at, 0, replaces, 'waiting', payload, items
    FROM unnest(ids, types, queues, tenants, enqueued, ats, all_replaces, payloads, all_items)
      AS c (id, type, queue, tenant, enqueued_at, at, replaces, payload, items)
    ON CONFLICT DO NOTHING
    RETURNING id
  ) SELECT array_agg(id) INTO added FROM new;
  IF cardinality(added) IS DISTINCT FROM cardinality(ids) THEN
    RETURN QUERY SELECT unnest(ids) EXCEPT ALL SELECT unnest(added);
  END IF;
  END`;

/**
 * The body of `record_states()`: writes the newer states of jobs of which all else is known, as most changes are. Returns the ids of the
 * others, which are unchanged.
 */
export const recordStates: string = `
  DECLARE changed text[];
  BEGIN
  ${UNSYNCED}
  WITH newer AS (
    UPDATE records AS r SET state = c.state, code = c.code, message = c.message, at = c.at, ended_at = c.ended_at,
      started_at = coalesce(c.started_at, r.started_at), rank = c.rank, replaces = c.replaces, listed = ${listedThen("c")},
      items = CASE WHEN r.items = '{}' THEN c.items ELSE (r.items::jsonb || c.items::jsonb)::text END
    FROM unnest(ids, states, codes, messages, ats, starts, ends, ranks, all_replaces, all_items, tenants, have_payload)
      AS c (id, state, code, message, at, started_at, ended_at, rank, replaces, items, tenant, has_payload)
    WHERE r.scope = of_scope AND r.id = c.id AND ${newerThan("c")} AND r.type <> '' AND r.queue <> ''
      AND (r.tenant IS NOT NULL OR c.tenant IS NULL) AND (r.payload IS NOT NULL OR NOT c.has_payload)
    RETURNING r.id
  ) SELECT array_agg(id) INTO changed FROM newer;
  IF cardinality(changed) IS DISTINCT FROM cardinality(ids) THEN
    RETURN QUERY SELECT unnest(ids) EXCEPT ALL SELECT unnest(changed);
  END IF;
  END`;

const newer = (column: string): string =>
  `${column} = CASE WHEN ${newerThan("excluded")} THEN excluded.${column} ELSE r.${column} END`;
const first = (column: string): string => `${column} = coalesce(r.${column}, excluded.${column})`;

/** The body of `record_merge()`: merges any changes, as `mergeRecord` of core does. */
export const recordMerge: string = `
  ${UNSYNCED}
  ${openSeconds(`json_to_recordset(changes) AS one (state text, "enqueuedAt" bigint),
      LATERAL (SELECT "enqueuedAt" AS enqueued_at) AS named WHERE state IN ('waiting', 'running')`)}
  INSERT INTO records AS r (scope, id, type, queue, tenant, enqueued_at, payload, state, code, message, at, started_at, ended_at, rank,
    replaces, items, listed)
  SELECT of_scope, id, type, queue, tenant, "enqueuedAt", payload, state, code, message, at, "startedAt", "endedAt", rank, replaces, items,
    ${listedFirst("c")}
  FROM json_to_recordset(changes) AS c (id text, type text, queue text, tenant text, "enqueuedAt" bigint, payload text, state text,
    code text, message text, at bigint, "startedAt" bigint, "endedAt" bigint, rank bigint, replaces bigint, items text)
  ON CONFLICT (scope, id) DO UPDATE SET
    type = CASE WHEN r.type = '' THEN excluded.type ELSE r.type END,
    queue = CASE WHEN r.queue = '' THEN excluded.queue ELSE r.queue END,
    ${first("tenant")}, ${first("payload")},
    items = CASE WHEN r.items = '{}' THEN excluded.items ELSE (r.items::jsonb || excluded.items::jsonb)::text END,
    started_at = coalesce(CASE WHEN ${newerThan("excluded")} THEN excluded.started_at END, r.started_at, excluded.started_at),
    listed = CASE WHEN ${newerThan("excluded")} THEN ${listedThen("excluded")} ELSE r.listed END,
    ${["state", "code", "message", "at", "ended_at", "rank", "replaces"].map(newer).join(", ")};`;

/**
 * The body of `record_list_open()`: lists the records that still wait or run after most of their second have ended, so that a search
 * reads them alone. A second in which more than a quarter wait or run stays as it is. It ends once it has looked at `most` records, and
 * begins with the seconds that it has not looked at for the longest time. A record that is just written stays for the next time.
 */
export const recordListOpen: string = `
  DECLARE one bigint; all_of_it bigint; open_ones bigint; listed_ones bigint; looked bigint := 0;
  BEGIN
  ${UNSYNCED}
  LOCK TABLE records_open IN EXCLUSIVE MODE;
  FOR one IN SELECT second FROM records_open WHERE scope = of_scope AND second < before ORDER BY looked_at, second LIMIT 100 LOOP
    SELECT count(*), count(*) FILTER (WHERE listed IS NULL AND state IN ('waiting', 'running')) INTO all_of_it, open_ones
    FROM records WHERE scope = of_scope AND enqueued_at >= one * 1000 AND enqueued_at < (one + 1) * 1000;
    looked := looked + 1 + all_of_it;
    listed_ones := 0;
    IF open_ones > 0 AND open_ones * 4 <= all_of_it THEN
      UPDATE records AS r SET listed = r.state FROM (
        SELECT id FROM records WHERE scope = of_scope AND enqueued_at >= one * 1000 AND enqueued_at < (one + 1) * 1000
          AND listed IS NULL AND state IN ('waiting', 'running')
        FOR UPDATE SKIP LOCKED
      ) AS open WHERE r.scope = of_scope AND r.id = open.id;
      GET DIAGNOSTICS listed_ones = ROW_COUNT;
    END IF;
    IF open_ones = listed_ones THEN DELETE FROM records_open WHERE scope = of_scope AND second = one;
    ELSE UPDATE records_open SET looked_at = now_ms WHERE scope = of_scope AND second = one;
    END IF;
    EXIT WHEN looked >= most;
  END LOOP;
  END`;
