/**
 * The hot table holds only what waits or runs; what is dead or finished stands apart, so that claiming never wades
 * through history.
 *
 * A job is ready while `wake_at` is null. Otherwise something happens to it then: its delay ends, or, with a `claim`,
 * its lease. `line` numbers places: a job handed back at once or lost with its worker keeps its own.
 */
export const tables = `
  CREATE SEQUENCE line;

  CREATE TABLE jobs (
    id text COLLATE "C" PRIMARY KEY,
    seq bigint NOT NULL,
    queue text COLLATE "C" NOT NULL,
    rank smallint NOT NULL,
    wake_at timestamptz,
    claim bigint,
    failures integer NOT NULL DEFAULT 0,
    lost integer NOT NULL DEFAULT 0,
    releases integer NOT NULL DEFAULT 0,
    due_at timestamptz,
    enqueued_at timestamptz NOT NULL,
    type text NOT NULL,
    tenant text,
    signature text,
    signature_timestamp bigint,
    body text NOT NULL
  ) WITH (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0.2
  );
  CREATE INDEX jobs_ready ON jobs (queue, rank, seq) WHERE wake_at IS NULL;
  CREATE INDEX jobs_waking ON jobs (wake_at) WHERE wake_at IS NOT NULL;

  CREATE TABLE dead (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    queue text COLLATE "C" NOT NULL,
    rank smallint NOT NULL,
    attempt integer NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    died_at timestamptz NOT NULL,
    rejected boolean NOT NULL DEFAULT false,
    type text NOT NULL,
    tenant text,
    signature text,
    signature_timestamp bigint,
    body text NOT NULL
  );
  CREATE INDEX dead_id ON dead (id);

  CREATE TABLE finished (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    finished_at timestamptz NOT NULL,
    queue text NOT NULL,
    count integer NOT NULL,
    jobs text NOT NULL
  );

  CREATE TABLE inbox (
    number bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" PRIMARY KEY,
    envelope text NOT NULL,
    signature text,
    signature_timestamp bigint,
    inserted_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    CHECK ((signature IS NULL) = (signature_timestamp IS NULL))
  );
  CREATE INDEX inbox_number ON inbox (number);
`;
