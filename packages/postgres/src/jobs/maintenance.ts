import type { Query } from "../connection/query.ts";
import type { Settings } from "../options/settings.ts";

/** Ends delays and leases, admits inbox rows, and removes what is old or has expired: finished jobs, records of the ledger,
 * and unique keys that were taken for a time. Waiting `lease` calls run it. */
export interface Maintenance {
  /** Runs, or joins a run that has not begun. Returns the queues in which jobs became ready. Rejects if the server is away. */
  run(): Promise<readonly string[]>;
  /** Monotonic ms at which the last run began; −Infinity before the first. */
  lastAt(): number;
  /** Monotonic ms at which the next known delay or lease ends; Infinity when none is known. */
  nextAt(): number;
  /** Remembers that a delay ends in `inMs`. */
  expect(inMs: number): void;
}

interface Ended {
  readonly queues: readonly string[];
  readonly more: boolean;
  readonly next_ms: number | null;
  readonly arrived: boolean;
}

/** Jobs made ready in one transaction, so that it stays short. */
const SLICE = 500;
const RETENTION_MS = 30_000;
/** Infinity is no interval, and no job is older than a thousand years. */
const MAX_AGE_MS = 1_000 * 365 * 86_400_000;

/** `admit` admits inbox rows. It returns the queues that got jobs, and whether there may be more rows. */
export function createMaintenance(
  query: Query,
  { schema, maxAgeMs, maxCount }: Settings,
  admit: () => Promise<{ readonly queues: readonly string[]; readonly more: boolean }>,
): Maintenance {
  const maintain = `SELECT queues, more, next_ms, arrived FROM "${schema}".maintain(${SLICE})`;
  const removeOld = `DELETE FROM "${schema}".finished WHERE number IN (
    SELECT number FROM (
      SELECT number, finished_at, sum(count) OVER (ORDER BY number DESC) - count AS newer FROM "${schema}".finished
    ) AS history
    WHERE newer >= $1::text::float8 OR finished_at < statement_timestamp() - $2::text::float8 * interval '1 ms'
  )`;
  const removeExpired = `DELETE FROM "${schema}".ledger WHERE key IN (
    SELECT key FROM "${schema}".ledger WHERE expires_at <= statement_timestamp()
    ORDER BY expires_at LIMIT ${SLICE} FOR UPDATE SKIP LOCKED
  ) RETURNING 1`;
  // A job that is unfinished when the time of its unique key ends has it no more.
  const removeWindows = `WITH ended AS (
    DELETE FROM "${schema}".unique_windows WHERE (type, key) IN (
      SELECT type, key FROM "${schema}".unique_windows WHERE ends_at <= statement_timestamp()
      ORDER BY ends_at LIMIT ${SLICE} FOR UPDATE SKIP LOCKED
    ) RETURNING id
  ), freed AS (
    UPDATE "${schema}".jobs SET has_key = NULL FROM ended WHERE jobs.id = ended.id AND jobs.unique_until = 'time'
  ) SELECT 1 FROM ended`;
  const heal = `SELECT "${schema}".heal_lines($1::text, ${SLICE}) AS last`;
  let healedTo = "";
  let underWay: Promise<readonly string[]> | null = null;
  let following: Promise<readonly string[]> | null = null;
  let lastAt = -Infinity;
  let nextAt = Infinity;
  let retentionAt = performance.now() + Math.random() * RETENTION_MS;

  async function maintainAll(): Promise<readonly string[]> {
    lastAt = performance.now();
    nextAt = Infinity;
    const queues = new Set<string>();
    for (let more = true; more;) {
      const [row] = await query(maintain);
      const ended = row as Ended;
      more = ended.more;
      for (const queue of ended.queues) queues.add(queue);
      if (ended.next_ms !== null) nextAt = Math.min(nextAt, performance.now() + ended.next_ms);
      if (!ended.arrived) continue;
      const admitted = await admit();
      for (const queue of admitted.queues) queues.add(queue);
      more ||= admitted.more;
    }
    await retain();
    return [...queues];
  }

  /** Now and then. It does not matter which process does it. */
  async function retain(): Promise<void> {
    if (performance.now() < retentionAt) return;
    retentionAt = performance.now() + RETENTION_MS;
    for (const remove of [removeExpired, removeWindows]) while ((await query(remove)).length === SLICE);
    const [healed] = (await query(heal, [healedTo])) as { last: string | null }[];
    healedTo = healed?.last ?? "";
    if (maxCount === Infinity && maxAgeMs === Infinity) return;
    await query(removeOld, [String(maxCount), String(Math.min(maxAgeMs, MAX_AGE_MS))]);
  }

  function begin(): Promise<readonly string[]> {
    following = null;
    underWay = maintainAll().finally(() => (underWay = null));
    return underWay;
  }

  return {
    lastAt: () => lastAt,
    nextAt: () => nextAt,
    expect: (inMs) => void (nextAt = Math.min(nextAt, performance.now() + inMs)),
    run() {
      if (underWay === null) return begin();
      following ??= underWay.then(begin, begin);
      return following;
    },
  };
}
