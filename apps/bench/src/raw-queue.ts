import { DatabaseSync, type StatementSync } from "node:sqlite";

export interface RawJob {
  readonly seq: number;
  readonly rank: number;
  readonly id: string;
  readonly body: string;
}

/** A queue in a file that @waybill/sqlite has laid out, worked by hand. Every call is durable when it returns. */
export interface RawQueue {
  readonly put: (id: string, body: string) => void;
  /** All in one transaction. */
  readonly putAll: (jobs: readonly { readonly id: string; readonly body: string }[]) => void;
  /** At most `limit` jobs, leased under `lease`, in one transaction. */
  readonly lease: (limit: number, lease: number) => RawJob[];
  /** The jobs are done: lease and job removed, their ids remembered, in one transaction. */
  readonly finish: (jobs: readonly RawJob[], lease: number) => void;
  readonly waiting: () => number;
  readonly close: () => void;
}

/** The very ones @waybill/sqlite sets: they decide how durable, and so how slow, a write is. */
export const pragmas = [
  "journal_mode = WAL",
  "synchronous = FULL",
  "cache_size = -8000",
  "journal_size_limit = 67108864",
] as const;

const statements = {
  begin: `BEGIN IMMEDIATE`,
  commit: `COMMIT`,
  insert: `INSERT INTO waybill_jobs (id, queue, type, priority, enqueued_at, body) VALUES (?, 'bench', 'bench.noop', 0, ?, ?)`,
  join: `INSERT INTO waybill_ready (queue, rank, seq) VALUES ('bench', 0, ?)`,
  head: `SELECT ready.rank, ready.seq, job.id, job.body
         FROM waybill_ready AS ready CROSS JOIN waybill_jobs AS job ON job.seq = ready.seq
         WHERE ready.queue = 'bench' ORDER BY ready.rank, ready.seq LIMIT ?`,
  lease: `INSERT INTO waybill_leases (seq, token, leased_at, lease_ms) VALUES (?, ?, ?, 30000)`,
  leave: `DELETE FROM waybill_ready WHERE queue = 'bench' AND (rank, seq) <= (?, ?)`,
  end: `DELETE FROM waybill_leases WHERE seq = ? AND token = ?`,
  remove: `DELETE FROM waybill_jobs WHERE seq = ?`,
  remember: `INSERT INTO waybill_finished (upto, finished_at, queue, count, jobs)
             SELECT coalesce(max(upto), 0) + ?1, ?2, 'bench', ?1, ?3 FROM waybill_finished`,
  count: `SELECT (SELECT count(*) FROM waybill_ready) + (SELECT count(*) FROM waybill_leases) AS jobs`,
} as const;

/**
 * The loop a good engineer writes for one process: prepared statements, no retries, delays, priorities, limits or
 * second process. It is what we are measured against, so nothing here may be slower than it has to be.
 */
export function openRawQueue(path: string): RawQueue {
  const db = new DatabaseSync(path);
  for (const pragma of pragmas) db.exec(`PRAGMA ${pragma}`);
  const run = Object.fromEntries(Object.entries(statements).map(([name, sql]) => [name, db.prepare(sql)])) as {
    readonly [Name in keyof typeof statements]: StatementSync;
  };
  const atomically = <T>(work: () => T): T => {
    run.begin.run();
    const result = work();
    run.commit.run();
    return result;
  };
  const insert = (id: string, body: string): void => {
    run.join.run(run.insert.run(id, Date.now(), body).lastInsertRowid);
  };
  return {
    put: (id, body) => atomically(() => insert(id, body)),
    putAll: (jobs) => atomically(() => jobs.forEach(({ id, body }) => insert(id, body))),
    lease: (limit, lease) => atomically(() => leaseHead(run, limit, lease)),
    finish: (jobs, lease) =>
      atomically(() => {
        for (const { seq } of jobs) {
          run.end.run(seq, lease);
          run.remove.run(seq);
        }
        run.remember.run(jobs.length, Date.now(), JSON.stringify(jobs.map((job) => job.id)));
      }),
    waiting: () => (run.count.get() as { jobs: number }).jobs,
    close: () => db.close(),
  };
}

function leaseHead(run: Record<"head" | "lease" | "leave", StatementSync>, limit: number, lease: number): RawJob[] {
  const jobs = run.head.all(limit) as unknown as RawJob[];
  const now = Date.now();
  for (const { seq } of jobs) run.lease.run(seq, lease, now);
  const last = jobs.at(-1);
  if (last !== undefined) run.leave.run(last.rank, last.seq);
  return jobs;
}
