import type { DeadReason } from "@waybill/core";
import {
  type ControlResult,
  countOf,
  type JobControl,
  type JobQuery,
  type JobState,
  momentOf,
  parseError,
  type StoredJob,
} from "@waybill/core/backend";
import { arrayLiteral, type Query } from "../connection/query.ts";
import { createTrace } from "./job-trace.ts";

/** A job or a dead letter. Members of the other are null. */
interface Row {
  readonly id: string;
  /** 0 for a job and for a dead letter that was one. A rejected inbox row may have the id of another: its number. */
  readonly number: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  readonly tenant: string | null;
  readonly rank: number;
  readonly attempt: number;
  readonly enqueued_at: number | null;
  readonly due_at: number | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly error: string | null;
  readonly body: string;
}

/** `changed` is called with the delay after jobs were rescheduled, so that waiting calls look. `query` rejects once the backend is closed. */
export function createJobControl(query: Query, schema: string, changed: (delayMs: number) => void): JobControl {
  const list = listOf(schema);
  const resultsOf = (ids: readonly string[], rows: readonly unknown[]): ControlResult[] => {
    const found = new Map((rows as { id: string; result: ControlResult }[]).map(({ id, result }) => [id, result]));
    return ids.map((id) => found.get(id) ?? "absent");
  };
  return {
    async list(asked) {
      const limit = asked.limit ?? 100;
      const rows = (await query(list, parametersOf(asked, limit + 1))) as Row[];
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { jobs: page.map(jobOf), next: rows.length > limit && last ? `${last.number}:${last.id}` : null };
    },
    async cancel(ids) {
      const sql = `SELECT id, result FROM "${schema}".cancel_jobs($1::text::text[])`;
      return resultsOf(ids, await query(sql, [arrayLiteral(ids)]));
    },
    async reschedule(ids, delayMs) {
      const sql = `SELECT id, result FROM "${schema}".reschedule_jobs($1::text::text[], $2::text::float8)`;
      const results = resultsOf(ids, await query(sql, [arrayLiteral(ids), delayMs > 0 ? String(delayMs) : null]));
      changed(delayMs);
      return results;
    },
    trace: createTrace(query, schema),
  };
}

function jobOf({ rank, code, message, error, attempt, enqueued_at, due_at, ...row }: Row): StoredJob {
  const { id, type, queue, state, tenant, body } = row;
  const thrown = parseError(error);
  const reason: DeadReason | null =
    code === null ? null : { code, message: message ?? "", ...(thrown && { error: thrown }) };
  return {
    id,
    type,
    queue,
    state,
    tenant,
    priority: 0 - rank,
    attempt: countOf(attempt, 0),
    enqueuedAt: momentOf(enqueued_at),
    dueAt: momentOf(due_at),
    reason,
    body,
  };
}

/** The parameters of the list below. */
function parametersOf(
  { queue, type, state, tenant, ids, text, since, after }: JobQuery,
  limit: number,
): (string | null)[] {
  const [, number = "-1", id = ""] = /^(\d+):(.*)$/s.exec(after ?? "") ?? [];
  const wanted = ids === undefined ? null : arrayLiteral(ids);
  const from = since === undefined ? null : String(since);
  return [
    queue ?? null,
    type ?? null,
    state ?? null,
    tenant ?? null,
    wanted,
    text ?? null,
    from,
    String(limit),
    id,
    number,
  ];
}

/** Lists by id, which neither a retry nor a replay changes. Reads each table in the order of an index, and only up to the limit. */
function listOf(schema: string): string {
  const unixMs = (time: string): string =>
    `CASE WHEN isfinite(${time}) THEN floor(extract(epoch FROM ${time}) * 1000)::float8 END`;
  // The page is cut before times are computed: where no index is read in its order, all rows are sorted.
  const page = (table: string, number: string, state: string): string => `
    (SELECT * FROM "${schema}".${table} WHERE id >= $9::text AND (id, ${number}) > ($9::text, $10::text::bigint)
      AND ($1::text IS NULL OR queue = $1::text) AND ($2::text IS NULL OR type = $2::text)
      AND ($3::text IS NULL OR ${state} = $3::text) AND ($4::text IS NULL OR tenant = $4::text)
      AND ($5::text IS NULL OR id = ANY ($5::text::text[]))
      AND ($6::text IS NULL OR strpos(lower(body), lower($6::text)) > 0)
      AND ($7::text IS NULL OR ${unixMs("enqueued_at")} >= $7::text::float8)
    ORDER BY id, ${number} LIMIT $8::text::bigint) AS page`;
  const state = `CASE
    WHEN token IS NOT NULL AND wake_at > statement_timestamp() THEN 'leased'
    WHEN blocked_on IS NOT NULL THEN 'waiting'
    WHEN wake_at > statement_timestamp() THEN 'delayed' ELSE 'ready' END`;
  const deadNumber = "CASE WHEN rejected THEN number ELSE 0 END";
  return `SELECT * FROM (
    (SELECT id, 0::bigint AS number, type, queue, ${state} AS state, tenant, rank, failures + 1::bigint AS attempt,
      ${unixMs("enqueued_at")} AS enqueued_at,
      CASE WHEN wake_at > statement_timestamp() AND blocked_on IS NULL THEN ${unixMs("wake_at")} END AS due_at,
      NULL AS code, NULL AS message, NULL AS error, body
    FROM ${page("jobs", "0::bigint", state)})
    UNION ALL
    (SELECT id, ${deadNumber} AS number, type, queue, 'dead' AS state, tenant, rank, attempt,
      ${unixMs("enqueued_at")} AS enqueued_at, NULL, code, message, error, body
    FROM ${page("dead", deadNumber, "'dead'")})
  ) AS job ORDER BY id, number LIMIT $8::text::bigint`;
}
