import { countOf, type JobTrace, momentOf, MOST_AHEAD, MOST_SLOTS } from "@waybill/core/backend";
import type { Query } from "../connection/query.ts";

/** One row for an id that is somewhere. */
interface Row {
  readonly place: JobTrace["place"];
  /** Unix milliseconds; null for a job. */
  readonly at: number | null;
  /** "name/key", as `limit-keys.ts` writes it; null for a job that waits for no key. */
  readonly blocked_on: string | null;
  readonly ahead: string | null;
  readonly higher: string | null;
  readonly jobs: readonly string[] | null;
}

/** Returns a function that says where an id is in the schema. It writes nothing. */
export function createTrace(query: Query, schema: string): (id: string) => Promise<JobTrace | null> {
  const sql = traceOf(schema);
  return async (id) => {
    const [row] = (await query(sql, [id])) as Row[];
    if (row === undefined) return null;
    if (row.place === "inbox") return { place: "inbox", since: momentOf(row.at) };
    if (row.place === "finished") return { place: "finished", endedAt: momentOf(row.at) };
    const { ahead, higher, blocked_on: key, jobs } = row;
    return {
      place: "queue",
      ahead: ahead === null ? null : countOf(ahead, 0),
      higher: higher === null ? null : countOf(higher, 0),
      full: key === null ? null : { ...partsOf(key), jobs: jobs ?? [] },
    };
  };
}

/** Long names and keys are stored as their hash. */
function partsOf(stored: string): { readonly name: string; readonly key: string } {
  const [name = ""] = stored.split("/", 1);
  return { name: decodeURIComponent(name), key: stored.slice(name.length + 1) };
}

/** Each counts in the order of an index, and only up to its limit. */
const traceOf = (schema: string): string => `
  WITH job AS (SELECT * FROM "${schema}".jobs WHERE id = $1::text),
  before AS (
    SELECT count(*) AS ahead, count(*) FILTER (WHERE other.rank < job.rank) AS higher
    FROM job, LATERAL (
      SELECT rank FROM "${schema}".jobs AS one
      WHERE one.queue = job.queue AND one.wake_at IS NULL AND (one.rank, one.seq) < (job.rank, job.seq)
      ORDER BY one.rank, one.seq LIMIT ${MOST_AHEAD}
    ) AS other
  )
  SELECT 'queue' AS place, NULL::float8 AS at, job.blocked_on,
    CASE WHEN job.wake_at IS NULL THEN before.ahead::text END AS ahead,
    CASE WHEN job.wake_at IS NULL THEN before.higher::text END AS higher,
    ARRAY(SELECT slots.id FROM "${schema}".slots WHERE slots.key = job.blocked_on LIMIT ${MOST_SLOTS}) AS jobs
  FROM job, before
  UNION ALL
  SELECT 'queue', NULL, NULL, NULL, NULL, NULL FROM "${schema}".dead WHERE id = $1::text
  UNION ALL
  SELECT 'inbox', extract(epoch FROM inserted_at)::float8 * 1000, NULL, NULL, NULL, NULL
  FROM "${schema}".inbox WHERE id = $1::text
  UNION ALL
  (SELECT 'finished', extract(epoch FROM finished_at)::float8 * 1000, NULL, NULL, NULL, NULL
  FROM "${schema}".finished WHERE strpos(jobs, '[' || to_json($1::text)::text || ',') > 0
  ORDER BY number DESC LIMIT 1)
  LIMIT 1`;
