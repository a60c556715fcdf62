import { inboxQueue } from "../jobs/inbox.ts";
import { clamped, whole } from "../sql/columns.ts";

export const countQueues: string = `
  SELECT CAST(queue AS TEXT) AS queue, sum(ready) AS ready, sum(delayed) AS delayed, sum(leased) AS leased, sum(dead) AS dead,
         max(0, ${clamped("total(finished)")}) AS finished
  FROM (
    SELECT queue, count(*) AS ready, 0 AS delayed, 0 AS leased, 0 AS dead, 0 AS finished
    FROM waybill_ready GROUP BY queue
    UNION ALL
    SELECT queue, count(*), 0, 0, 0, 0 FROM waybill_waiting GROUP BY queue
    UNION ALL
    SELECT job.queue, sum(due_at_passed), sum(NOT due_at_passed), 0, 0, 0
    FROM (SELECT seq, due_at <= ? AS due_at_passed FROM waybill_delayed) AS delay
    JOIN waybill_jobs AS job ON job.seq = delay.seq GROUP BY job.queue
    UNION ALL
    SELECT job.queue, 0, 0, count(*), 0, 0
    FROM waybill_leases AS lease JOIN waybill_jobs AS job ON job.seq = lease.seq GROUP BY job.queue
    UNION ALL
    SELECT coalesce(job.queue, '${inboxQueue}'), 0, 0, 0, count(*), 0
    FROM waybill_dead AS dead LEFT JOIN waybill_jobs AS job ON job.seq = dead.seq GROUP BY 1
    UNION ALL
    SELECT queue, 0, 0, 0, 0, total(count) FROM waybill_finished GROUP BY queue
  )
  GROUP BY queue ORDER BY queue`;

/** The first job of each priority has waited longest, so the other ready ones need not be read. */
export const oldestReady: string = `
  SELECT CAST(queue AS TEXT) AS queue, ${clamped("min(since)")} AS since
  FROM (
    SELECT first.queue AS queue, max(coalesce(${whole("job.enqueued_at")}, 0), coalesce(${whole("job.due_at")}, 0)) AS since
    FROM (SELECT queue, rank, min(seq) AS seq FROM waybill_ready GROUP BY queue, rank
          UNION ALL SELECT queue, NULL, min(seq) FROM waybill_waiting GROUP BY queue) AS first
    JOIN waybill_jobs AS job ON job.seq = first.seq
    UNION ALL
    SELECT job.queue, delay.due_at
    FROM waybill_delayed AS delay JOIN waybill_jobs AS job ON job.seq = delay.seq WHERE delay.due_at <= ?
  )
  GROUP BY queue`;

/** Empty for a dead letter whose job is gone. */
const idOfDead = `CAST(coalesce(job.id, rejected.id, '') AS TEXT)`;
/** Empty for an inbox row: its type is not known. */
const typeOfDead = `CAST(coalesce(job.type, '') AS TEXT)`;
const codeOfDead = `CAST(coalesce(dead.code, '') AS TEXT)`;
/** A later moment is beyond what a date can hold: it is listed as unknown, and no `since` matches it. */
const LAST_MOMENT_MS = "8640000000000000";

/** Parameters: queue, whether any id matches, ids, type, code, whether any time matches, since when in Unix ms, limit. */
const whereDead = `
  FROM waybill_dead AS dead
  LEFT JOIN waybill_jobs AS job ON job.seq = dead.seq
  LEFT JOIN waybill_rejected AS rejected ON rejected.number = dead.number
  WHERE CAST(coalesce(job.queue, '${inboxQueue}') AS TEXT) = coalesce(?, CAST(job.queue AS TEXT), '${inboxQueue}')
    AND (? OR ${idOfDead} IN (SELECT value FROM json_each(?)))
    AND ${typeOfDead} = coalesce(?, ${typeOfDead})
    AND ${codeOfDead} = coalesce(?, ${codeOfDead})
    AND (? OR ${whole("dead.died_at")} BETWEEN ? AND ${LAST_MOMENT_MS})
  ORDER BY dead.number DESC LIMIT ?`;

export const listDead: string = `
  SELECT ${idOfDead} AS id, ${typeOfDead} AS type,
         CAST(coalesce(job.queue, '${inboxQueue}') AS TEXT) AS queue, ${codeOfDead} AS code,
         CAST(dead.message AS TEXT) AS message, CAST(dead.error AS TEXT) AS error, ${whole("dead.attempt")} AS attempt,
         ${whole("dead.died_at")} AS died_at, CAST(coalesce(job.body, rejected.envelope, '') AS TEXT) AS body,
         job.seq IS NULL AND rejected.number IS NULL AS gone ${whereDead}`;

export const pickDead: string = `SELECT CAST(dead.number AS TEXT) AS number ${whereDead}`;

/** `alive`: the job is ready, delayed, waiting or leased, and another program wrote its dead letter. */
export const seqOfDead = `
  SELECT CAST(dead.seq AS TEXT) AS seq,
         EXISTS (SELECT 1 FROM waybill_leases AS lease WHERE lease.seq = job.seq)
         OR EXISTS (SELECT 1 FROM waybill_waiting AS waiting WHERE waiting.seq = job.seq)
         OR EXISTS (SELECT 1 FROM waybill_delayed AS delay WHERE delay.due_at = job.due_at AND delay.seq = job.seq)
         OR EXISTS (
           SELECT 1 FROM waybill_ready AS ready
           WHERE ready.queue = job.queue AND ready.rank = -job.priority AND ready.seq = job.seq) AS alive
  FROM waybill_dead AS dead LEFT JOIN waybill_jobs AS job ON job.seq = dead.seq WHERE dead.number = ?`;

export const renewJob = `
  UPDATE waybill_jobs SET failures = 0, lost = 0, releases = 0, due_at = ?, enqueued_at = ? WHERE seq = ?`;

/** Does nothing while another row of the same id is in the inbox. */
export const returnToInbox = `
  INSERT INTO waybill_inbox (id, envelope, signature, signature_timestamp, inserted_at)
  SELECT id, envelope, signature, signature_timestamp, inserted_at FROM waybill_rejected WHERE number = ?
  ON CONFLICT (id) DO NOTHING`;
