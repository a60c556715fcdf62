import { PAUSED } from "../jobs/limit-keys.ts";
import { clamped, whole } from "../sql/columns.ts";

/** One slice of the jobs, by id. Parameters: after which id, how many. A blob, which another program may have stored, is no id. */
const slice = "SELECT seq, id FROM waybill_jobs WHERE id > ? AND id < x'' ORDER BY id LIMIT ?";

/** The same of the jobs that are named. Their ids, as a JSON list, are the first parameter. */
const namedSlice =
  "SELECT seq, id FROM waybill_jobs WHERE id IN (SELECT value FROM json_each(?)) AND id > ? AND id < x'' ORDER BY id LIMIT ?";

/** The last id of a slice. */
export const endOfSlice: string = `SELECT max(id) AS id FROM (${slice})`;
export const endOfNamedSlice: string = `SELECT max(id) AS id FROM (${namedSlice})`;

/** A job that waits since its type is paused is ready: it can be leased where the type is not paused. */
const state = `CASE WHEN dead.seq IS NOT NULL THEN 'dead' WHEN lease.seq IS NOT NULL THEN 'leased'
    WHEN waiting.name <> '${PAUSED}' THEN 'waiting' WHEN waiting.name IS NOT NULL OR ready.seq IS NOT NULL THEN 'ready'
    WHEN delay.due_at <= clock.at THEN 'ready' ELSE 'delayed' END`;

/**
 * The jobs of a slice that match, without their bodies. Parameters: the time, those of the slice, queue, type, state, whether any
 * tenant matches, tenant, whether any time matches, since when, whether any body matches, text, limit.
 */
const list = (jobs: string): string => `
  SELECT CAST(job.seq AS TEXT) AS seq, page.id AS id, CAST(job.type AS TEXT) AS type, CAST(job.queue AS TEXT) AS queue,
         CAST(job.tenant AS TEXT) AS tenant, ${clamped("job.priority")} AS priority,
         ${whole("job.enqueued_at")} AS enqueued_at, ${state} AS state,
         CASE WHEN dead.seq IS NULL THEN ${whole("job.failures")} + 1 ELSE ${whole("dead.attempt")} END AS attempt,
         ${clamped("coalesce(lease.leased_at + lease.lease_ms, delay.due_at, job.due_at)")} AS due_at,
         CAST(dead.code AS TEXT) AS code, CAST(dead.message AS TEXT) AS message, CAST(dead.error AS TEXT) AS error
  FROM (SELECT ? AS at) AS clock CROSS JOIN (${jobs}) AS page
  CROSS JOIN waybill_jobs AS job ON job.seq = page.seq
  LEFT JOIN waybill_dead AS dead ON dead.seq = job.seq
  LEFT JOIN waybill_leases AS lease ON lease.seq = job.seq
  LEFT JOIN waybill_waiting AS waiting ON waiting.seq = job.seq
  LEFT JOIN waybill_ready AS ready ON ready.queue = job.queue AND ready.rank = -job.priority AND ready.seq = job.seq
  LEFT JOIN waybill_delayed AS delay ON delay.due_at = job.due_at AND delay.seq = job.seq
  WHERE job.queue = coalesce(?, job.queue) AND job.type = coalesce(?, job.type) AND ${state} = coalesce(?, ${state})
    AND (? OR job.tenant = ?)
    AND (? OR ${whole("job.enqueued_at")} >= ?)
    AND (? OR instr(lower(job.body), lower(?)) > 0)
  ORDER BY page.id LIMIT ?`;

export const listJobs: string = list(slice);
export const listNamedJobs: string = list(namedSlice);
