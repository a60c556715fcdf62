/** "WYBL": tells our files from other applications' by the SQLite header alone. */
export const applicationId = 0x5759424c;

/**
 * One step per schema version, in order; a step never changes once it is released.
 *
 * A job is one row of `waybill_jobs` for its whole life; its state is the small table that also names it: line (ready),
 * delayed, leases or dead. The row with the body is therefore written once and removed once.
 *
 * `seq` is the place in line. It is never lower than that of a job that became ready earlier, except for a job
 * handed back at once or lost with its worker: it keeps its place.
 */
export const schemaSteps: readonly string[] = [
  `
  CREATE TABLE waybill_jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    type TEXT NOT NULL,
    priority INTEGER NOT NULL,
    tenant TEXT,
    signature_timestamp INTEGER,
    signature TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    releases INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    enqueued_at INTEGER NOT NULL,
    body TEXT NOT NULL
  );

  CREATE TABLE waybill_line (
    queue TEXT NOT NULL,
    rank INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (queue, rank, seq)
  ) WITHOUT ROWID;

  CREATE TABLE waybill_delayed (
    due_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    delayed_at INTEGER NOT NULL,
    PRIMARY KEY (due_at, seq)
  ) WITHOUT ROWID;
  CREATE INDEX waybill_delayed_start ON waybill_delayed (delayed_at);

  CREATE TABLE waybill_leases (
    seq INTEGER PRIMARY KEY,
    claim INTEGER NOT NULL,
    leased_at INTEGER NOT NULL,
    lease_ms INTEGER NOT NULL
  );

  CREATE TABLE waybill_dead (
    number INTEGER PRIMARY KEY,
    seq INTEGER UNIQUE,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    died_at INTEGER NOT NULL
  );

  CREATE TABLE waybill_rejected (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    signature TEXT,
    signature_timestamp INTEGER,
    inserted_at TEXT
  );

  CREATE TABLE waybill_finished (
    upto INTEGER PRIMARY KEY,
    finished_at INTEGER NOT NULL,
    queue TEXT NOT NULL,
    count INTEGER NOT NULL,
    jobs TEXT NOT NULL
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
    id TEXT NOT NULL PRIMARY KEY,
    heard_at INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL,
    facts TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
];
