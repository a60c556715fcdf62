import { assertKnownOptions, configInvalid, type OptionNames } from "@waybill/core/backend";
import type { ForeignJob, JobSource } from "@waybill/core/import";
import { type PgBossRow, readJob } from "./read-job.ts";

/** Options of `pgBossJobs`. */
export interface PgBossJobsOptions {
  /** The name of the pg-boss queue. */
  readonly queue: string;
  /** A `Pool` or a `Client` of pg that is connected to pg-boss's database. It is not closed. */
  readonly client: { query(text: string, values: unknown[]): Promise<{ readonly rows: unknown[] }> };
  /** The schema of pg-boss. Default "pgboss", as in pg-boss. */
  readonly schema?: string | undefined;
}

const OPTIONS: OptionNames<PgBossJobsOptions> = { queue: true, client: true, schema: true };
const PAGE = 250;

/** A row as JSON. Each time is rounded up to a millisecond, so that no job starts early. */
const ROW = `to_jsonb(j) || jsonb_build_object(
  'created_ms', ceil(extract(epoch FROM j.created_on) * 1000), 'start_after_ms', ceil(extract(epoch FROM j.start_after) * 1000))`;

/**
 * Reads a queue of pg-boss, for `importJobs`. Its workers and producers may go on meanwhile. Keep one instance of pg-boss running, which
 * fails the jobs of workers that have died. Creates the table `waybill_import` in pg-boss's schema. Throws `CONFIG_INVALID` for a
 * missing queue or client, and for a schema that is no plain name.
 */
export function pgBossJobs(options: PgBossJobsOptions): JobSource {
  assertKnownOptions(options, OPTIONS, "the options of pgBossJobs");
  const { queue, client, schema = "pgboss" } = options;
  if (typeof queue !== "string" || queue === "")
    throw configInvalid("pgBossJobs got no `queue`: name the pg-boss queue");
  if (typeof client?.query !== "function")
    throw configInvalid(
      "pgBossJobs got no `client`: pass a Pool or a Client of pg that is connected to pg-boss's database",
    );
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema))
    throw configInvalid(`schema of pgBossJobs is "${schema}": letters, digits and "_", as pg-boss itself asks for`);
  const jobs = `"${schema}".job`;
  const aside = `"${schema}".waybill_import`;
  let isPrepared = false;

  async function rows<Row>(text: string, values: unknown[]): Promise<Row[]> {
    return (await client.query(text, values)).rows as Row[];
  }

  /** Beside the jobs: those that were set aside and not yet stored elsewhere, each as it was. */
  async function prepare(): Promise<void> {
    if (isPrepared) return;
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${aside} (id uuid PRIMARY KEY, queue text NOT NULL, row jsonb NOT NULL, aside_since timestamptz NOT NULL DEFAULT now())`,
      [],
    );
    isPrepared = true;
  }

  const asJobs = (found: { readonly row: PgBossRow }[]): ForeignJob[] => found.map(({ row }) => readJob(row));

  return {
    name: `pg-boss:${schema}:${queue}`,
    async *pages({ failed }) {
      const states = failed ? ["created", "retry", "failed"] : ["created", "retry"];
      let after: readonly unknown[] = [];
      for (;;) {
        const later =
          after.length === 0 ? "" : "AND (-j.priority, j.created_on, j.id) > ($3, $4::timestamptz, $5::uuid)";
        const found = await rows<{ row: PgBossRow; at: string }>(
          `SELECT ${ROW} AS row, j.created_on::text AS at FROM ${jobs} j
           WHERE j.name = $1 AND j.state::text = ANY($2) ${later}
           ORDER BY -j.priority, j.created_on, j.id LIMIT ${PAGE}`,
          [queue, states, ...after],
        );
        if (found.length > 0) yield asJobs(found);
        const last = found.at(-1);
        if (last === undefined || found.length < PAGE) return;
        after = [-last.row.priority, last.at, last.row.id];
      }
    },
    async setAside(wanted) {
      await prepare();
      // One statement: a job is in the queue or in the table. A worker that has begun it meanwhile has changed its state.
      const found = await rows<{ row: PgBossRow }>(
        `WITH gone AS (
           DELETE FROM ${jobs} j WHERE j.name = $1 AND j.id = ANY($2::uuid[]) AND j.state IN ('created', 'retry', 'failed')
             AND NOT j.blocked AND NOT j.blocking
           RETURNING ${ROW} AS row
         )
         INSERT INTO ${aside} (id, queue, row) SELECT (row->>'id')::uuid, $1, row FROM gone RETURNING row`,
        [queue, wanted.map(({ id }) => id)],
      );
      const order = new Map(wanted.map(({ id }, at) => [id, at]));
      return asJobs(found).sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
    },
    async listAside(limit) {
      await prepare();
      return asJobs(
        await rows(`SELECT row FROM ${aside} WHERE queue = $1 ORDER BY aside_since, id LIMIT $2`, [queue, limit]),
      );
    },
    async forget(done) {
      await client.query(`DELETE FROM ${aside} WHERE id = ANY($1::uuid[])`, [done.map(({ id }) => id)]);
    },
    async unfinished() {
      const [counted] = await rows<{ count: number }>(
        `SELECT count(*)::int AS count FROM ${jobs} WHERE name = $1 AND state IN ('created', 'retry', 'active')`,
        [queue],
      );
      return counted?.count ?? 0;
    },
  };
}
