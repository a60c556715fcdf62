/** The channel of this schema's notifications. The payload is a queue in which jobs became ready, or "" for maintenance. */
export const channelOf = (schema: string): string => `waybill_${schema}`;

/** The channel of the keys of ledger records. No other schema has it: the name of a schema has no colon. */
export const ledgerChannelOf = (schema: string): string => `${channelOf(schema)}:keys`;

/**
 * `jobs` holds only jobs that are ready, delayed or leased. Dead letters and finished jobs have tables of their own, so that
 * history slows no lease.
 *
 * A job is ready while `wake_at` is null. Otherwise its delay ends then or, with a `token`, its lease. `seq` is the position in
 * line: a job that is released at once, or loses its worker, keeps its own.
 */
const tables = `
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
`;

/** Notifies of each row that another program inserts. */
const arrivals = (channel: string): string => `
  CREATE FUNCTION notify_arrivals() RETURNS trigger LANGUAGE plpgsql AS
    $body$ BEGIN PERFORM pg_notify('${channel}', ''); RETURN NULL; END $body$;
  CREATE TRIGGER arrivals AFTER INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION notify_arrivals();
`;

/** Not logged. A crash of the server empties it, and the next heartbeats fill it again. */
const workersTable = `
  CREATE UNLOGGED TABLE workers (
    id text COLLATE "C" PRIMARY KEY, heard_at timestamptz NOT NULL, gone_at timestamptz NOT NULL, facts text NOT NULL
  ) WITH (fillfactor = 50)`;

/** The records of the ledger. `due` reads those of one feature, which is the first part of a key, in the order in which they fall due. */
const ledgerTable = `
  CREATE SEQUENCE ledger_seq;
  CREATE TABLE ledger (
    key text COLLATE "C" PRIMARY KEY, version bigint NOT NULL,
    due_at timestamptz, expires_at timestamptz, value text NOT NULL
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
  CREATE INDEX ledger_due ON ledger (split_part(key, '/', 1), due_at, key) WHERE due_at IS NOT NULL;
  CREATE INDEX ledger_expiring ON ledger (expires_at) WHERE expires_at IS NOT NULL;
`;

/**
 * The keys of jobs. `jobs_unique` has the unique keys that are taken, `jobs_line` the jobs that wait for a concurrency key, and
 * `slots` a row for each concurrency key of a leased job. A job without keys has no entry in these.
 * Delayed and leased jobs, which had one index, have one each, so that the leases of a queue can be counted.
 */
const keys = `
  ALTER TABLE jobs
    ADD COLUMN limit_keys text[], ADD COLUMN blocked_on text COLLATE "C",
    ADD COLUMN unique_key text COLLATE "C", ADD COLUMN unique_until text, ADD COLUMN has_key boolean;
  ALTER TABLE dead
    ADD COLUMN limit_keys text[], ADD COLUMN unique_key text COLLATE "C", ADD COLUMN unique_until text,
    ADD COLUMN enqueued_at timestamptz;
  CREATE UNIQUE INDEX jobs_unique ON jobs (type, unique_key) WHERE has_key;
  CREATE INDEX jobs_line ON jobs (blocked_on, queue, rank, seq) WHERE blocked_on IS NOT NULL;
  CREATE INDEX jobs_limited ON jobs (queue) WHERE wake_at IS NULL AND limit_keys IS NOT NULL;
  DROP INDEX jobs_waking;
  CREATE INDEX jobs_waking ON jobs (wake_at) WHERE token IS NULL AND wake_at IS NOT NULL AND blocked_on IS NULL;
  CREATE INDEX jobs_leased ON jobs (queue, wake_at) WHERE token IS NOT NULL;
  CREATE TABLE slots (key text COLLATE "C", id text COLLATE "C", PRIMARY KEY (key, id));
  CREATE TABLE unique_windows (
    type text, key text COLLATE "C", id text COLLATE "C" NOT NULL, ends_at timestamptz NOT NULL, PRIMARY KEY (type, key)
  );
  CREATE INDEX unique_windows_ending ON unique_windows (ends_at);
`;

/**
 * What happened to jobs. Pages come by `enqueued_at` and `number`, which each index ends with. Most records are of completed jobs,
 * which are found without an index of their state. A record is written twice: space for the second version stays beside the first.
 */
const records = `
  CREATE TABLE records (
    scope text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    enqueued_at bigint NOT NULL, number bigint GENERATED ALWAYS AS IDENTITY,
    at bigint NOT NULL, started_at bigint, ended_at bigint, rank bigint NOT NULL, replaces bigint NOT NULL,
    type text COLLATE "C" NOT NULL, queue text COLLATE "C" NOT NULL, tenant text COLLATE "C",
    state text COLLATE "C" NOT NULL, code text COLLATE "C",
    payload text, message text, items jsonb NOT NULL,
    PRIMARY KEY (scope, id)
  ) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0
  );
  CREATE INDEX records_page ON records (scope, enqueued_at, number);
  CREATE INDEX records_state ON records (scope, state, enqueued_at, number) WHERE state <> 'completed';
  CREATE INDEX records_type ON records (scope, type, enqueued_at, number);
  CREATE INDEX records_queue ON records (scope, queue, enqueued_at, number);
  CREATE INDEX records_tenant ON records (scope, tenant, enqueued_at, number) WHERE tenant IS NOT NULL;
  CREATE INDEX records_code ON records (scope, code, enqueued_at, number) WHERE code IS NOT NULL;
  CREATE TABLE record_times (scope text COLLATE "C" PRIMARY KEY, at bigint NOT NULL) WITH (fillfactor = 50);
`;

/** Of records, whose number changes all the time, a small sample is enough. */
const statistics = [
  ...["id", "payload", "message", "items", "at", "started_at", "ended_at", "rank", "replaces"].map((column) => [
    column,
    0,
  ]),
  ...["scope", "enqueued_at", "number", "type", "queue", "tenant", "state", "code", "listed"].map((column) => [
    column,
    20,
  ]),
]
  .map(([column, target]) => `ALTER COLUMN ${column} SET STATISTICS ${target}`)
  .join(", ");

/**
 * Most jobs wait, run and complete, and none of these states is in an index: then the second write of a record is a heap-only update,
 * for which the first leaves space in its page. `listed` is the state of any other record, and null or the state of one that waits or
 * runs. `records_open` has the seconds of enqueue in which records that wait or run may be unlisted; see `recordListOpen`. A key that
 * begins with the id takes 5 µs less for a new record: one look at the first column tells two records apart.
 */
const recordsWrittenOnce = `
  DROP INDEX records_state;
  ALTER TABLE records ALTER COLUMN items TYPE text USING items::text, ADD COLUMN listed text COLLATE "C";
  UPDATE records SET listed = state WHERE state <> 'completed';
  ALTER TABLE records SET (fillfactor = 38);
  ALTER TABLE records DROP CONSTRAINT records_pkey, ADD PRIMARY KEY (id, scope);
  ALTER TABLE records ${statistics};
  CREATE INDEX records_listed ON records (scope, listed, enqueued_at, number) WHERE listed IS NOT NULL;
  CREATE TABLE records_open (
    scope text COLLATE "C" NOT NULL, second bigint NOT NULL, looked_at bigint NOT NULL DEFAULT 0, PRIMARY KEY (scope, second)
  );
`;

/**
 * The tables of each schema version, in order, run with our schema as search path. A released step never changes. After the
 * last one, every function is replaced: a version that changes functions only has an empty step.
 */
export const schemaSteps: readonly ((schema: string) => string)[] = [
  (schema) => `${tables} ${arrivals(channelOf(schema))}`,
  () => workersTable,
  () => ledgerTable,
  () => keys,
  () => records,
  () => recordsWrittenOnce,
];
