/** "WYBL": marks the files of waybill in SQLite's own header. */
export const applicationId = 0x5759424c;

/**
 * The statements of each schema version, in order. A released step never changes.
 *
 * A job is one row of `waybill_jobs` from enqueue to ack. Its state is the one other table that has its `seq`: ready,
 * delayed, waiting, leases or dead. The row with the body is therefore written once and removed once.
 *
 * `seq` is the position in line. A job that becomes ready gets a higher one than all before it. A job that is released at
 * once, or loses its worker, keeps its own.
 */
export const schemaSteps: readonly string[] = [
  `
  CREATE TABLE waybill_jobs (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL, type TEXT NOT NULL, priority INTEGER NOT NULL, tenant TEXT,
    signature_timestamp INTEGER, signature TEXT,
    failures INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0, releases INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER, enqueued_at INTEGER NOT NULL,
    body TEXT NOT NULL
  );

  CREATE TABLE waybill_ready (
    queue TEXT NOT NULL, rank INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (queue, rank, seq)
  ) WITHOUT ROWID;

  CREATE TABLE waybill_delayed (
    due_at INTEGER NOT NULL, seq INTEGER NOT NULL, delayed_at INTEGER NOT NULL,
    PRIMARY KEY (due_at, seq)
  ) WITHOUT ROWID;
  CREATE INDEX waybill_delayed_start ON waybill_delayed (delayed_at);

  CREATE TABLE waybill_leases (
    seq INTEGER PRIMARY KEY, token INTEGER NOT NULL, leased_at INTEGER NOT NULL, lease_ms INTEGER NOT NULL
  );

  CREATE TABLE waybill_dead (
    number INTEGER PRIMARY KEY, seq INTEGER UNIQUE,
    code TEXT NOT NULL, message TEXT NOT NULL, attempt INTEGER NOT NULL, died_at INTEGER NOT NULL, error TEXT
  );

  CREATE TABLE waybill_rejected (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, envelope TEXT NOT NULL,
    signature TEXT, signature_timestamp INTEGER, inserted_at TEXT
  );

  CREATE TABLE waybill_finished (
    upto INTEGER PRIMARY KEY, finished_at INTEGER NOT NULL, queue TEXT NOT NULL, count INTEGER NOT NULL, jobs TEXT NOT NULL
  );

  CREATE TABLE waybill_inbox (
    id TEXT NOT NULL PRIMARY KEY,
    envelope TEXT NOT NULL CHECK (typeof(envelope) = 'text'),
    signature TEXT,
    signature_timestamp INTEGER CHECK (typeof(signature_timestamp) IN ('integer', 'null')),
    inserted_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    CHECK ((signature IS NULL) = (signature_timestamp IS NULL))
  );
  `,
  `
  CREATE TABLE waybill_workers (
    id TEXT NOT NULL PRIMARY KEY, heard_at INTEGER NOT NULL, ttl_ms INTEGER NOT NULL, facts TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE waybill_ledger (
    key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL,
    written_at INTEGER NOT NULL, due_at INTEGER, expires_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX waybill_ledger_due ON waybill_ledger (substr(key, 1, instr(key, '/')), due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX waybill_ledger_expiry ON waybill_ledger (expires_at) WHERE expires_at IS NOT NULL;
  `,
  // `unique_taken` is 1 while the job itself has its key, so the key is free once the row is gone. `unique_until` is 'end',
  // 'start' or milliseconds. A key that is taken for a time outlives its job: it is in `waybill_unique`.
  `
  ALTER TABLE waybill_jobs ADD COLUMN unique_key TEXT;
  ALTER TABLE waybill_jobs ADD COLUMN unique_until;
  ALTER TABLE waybill_jobs ADD COLUMN unique_taken INTEGER;
  CREATE UNIQUE INDEX waybill_jobs_unique ON waybill_jobs (type, unique_key) WHERE unique_taken = 1;

  CREATE TABLE waybill_unique (
    type TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, taken_at INTEGER NOT NULL, ends_at INTEGER NOT NULL,
    PRIMARY KEY (type, key)
  ) WITHOUT ROWID;
  CREATE INDEX waybill_unique_start ON waybill_unique (taken_at);
  CREATE INDEX waybill_unique_end ON waybill_unique (ends_at);
  `,
  // `limit_keys` is a JSON object: name of the limit to key. A row of `waybill_slots` with the token of a lease is a slot that the
  // job takes by that lease; one without a token says that the job was made ready for a slot. `waybill_waiting` has the jobs
  // that were ready and may not be leased: name and key of the limit that was full, or '' and the type that is paused.
  `
  ALTER TABLE waybill_jobs ADD COLUMN limit_keys TEXT;

  CREATE TABLE waybill_slots (
    name TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, token INTEGER,
    PRIMARY KEY (name, key, seq)
  ) WITHOUT ROWID;

  CREATE TABLE waybill_waiting (
    name TEXT NOT NULL, key TEXT NOT NULL, queue TEXT NOT NULL, rank INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (name, key, queue, rank, seq)
  ) WITHOUT ROWID;
  CREATE INDEX waybill_waiting_job ON waybill_waiting (seq);
  `,
  // `position` orders records by their enqueue, and each index has it as its last column. `items` is a JSON object.
  // Most records are of completed jobs, which are found without an index of their state.
  `
  CREATE TABLE waybill_records (
    position INTEGER PRIMARY KEY, scope TEXT NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, queue TEXT NOT NULL, tenant TEXT, state TEXT NOT NULL, code TEXT,
    enqueued_at INTEGER NOT NULL, at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER,
    rank INTEGER NOT NULL, replaces INTEGER NOT NULL,
    payload TEXT, message TEXT, items TEXT NOT NULL
  );
  CREATE UNIQUE INDEX waybill_records_id ON waybill_records (scope, id);
  CREATE INDEX waybill_records_state ON waybill_records (scope, state) WHERE state <> 'completed';
  CREATE INDEX waybill_records_type ON waybill_records (scope, type);
  CREATE INDEX waybill_records_queue ON waybill_records (scope, queue);
  CREATE INDEX waybill_records_tenant ON waybill_records (scope, tenant) WHERE tenant IS NOT NULL;
  CREATE INDEX waybill_records_code ON waybill_records (scope, code) WHERE code IS NOT NULL;

  CREATE TABLE waybill_record_times (scope TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
  `,
];

/** A table that each step makes: how many of them a file has is the version that it has at least. */
export const firstTables: readonly string[] = [
  "waybill_jobs",
  "waybill_workers",
  "waybill_ledger",
  "waybill_unique",
  "waybill_waiting",
  "waybill_records",
];
