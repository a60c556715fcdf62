import { clamped, whole } from "./whole.ts";

/** Where dead letters stand that never became jobs: no queue is known. No queue can have this name. */
export const noQueue = "waybill_inbox";

export const countQueues: string = `
  SELECT CAST(queue AS TEXT) AS queue, sum(ready) AS ready, sum(delayed) AS delayed, sum(leased) AS leased, sum(dead) AS dead,
         max(0, ${clamped("total(finished)")}) AS finished
  FROM (
    SELECT queue, count(*) AS ready, 0 AS delayed, 0 AS leased, 0 AS dead, 0 AS finished
    FROM waybill_line GROUP BY queue
    UNION ALL
    SELECT job.queue, sum(due_at_passed), sum(NOT due_at_passed), 0, 0, 0
    FROM (SELECT seq, due_at <= ? AS due_at_passed FROM waybill_delayed) AS delay
    JOIN waybill_jobs AS job ON job.seq = delay.seq GROUP BY job.queue
    UNION ALL
    SELECT job.queue, 0, 0, count(*), 0, 0
    FROM waybill_leases AS lease JOIN waybill_jobs AS job ON job.seq = lease.seq GROUP BY job.queue
    UNION ALL
    SELECT coalesce(job.queue, '${noQueue}'), 0, 0, 0, count(*), 0
    FROM waybill_dead AS dead LEFT JOIN waybill_jobs AS job ON job.seq = dead.seq GROUP BY 1
    UNION ALL
    SELECT queue, 0, 0, 0, 0, total(count) FROM waybill_finished GROUP BY queue
  )
  GROUP BY queue ORDER BY queue`;

/** The head of each priority has waited longest; older rows need not be read. */
export const oldestReady: string = `
  SELECT CAST(queue AS TEXT) AS queue, ${clamped("min(since)")} AS since
  FROM (
    SELECT head.queue AS queue, max(coalesce(${whole("job.enqueued_at")}, 0), coalesce(${whole("job.due_at")}, 0)) AS since
    FROM (SELECT queue, rank, min(seq) AS seq FROM waybill_line GROUP BY queue, rank) AS head
    JOIN waybill_jobs AS job ON job.seq = head.seq
    UNION ALL
    SELECT job.queue, delay.due_at
    FROM waybill_delayed AS delay JOIN waybill_jobs AS job ON job.seq = delay.seq WHERE delay.due_at <= ?
  )
  GROUP BY queue`;

/** Empty for a dead letter whose job is gone. */
const idOfDead = `CAST(coalesce(job.id, rejected.id, '') AS TEXT)`;

const deadWhere = `
  FROM waybill_dead AS dead
  LEFT JOIN waybill_jobs AS job ON job.seq = dead.seq
  LEFT JOIN waybill_rejected AS rejected ON rejected.number = dead.number
  WHERE CAST(coalesce(job.queue, '${noQueue}') AS TEXT) = coalesce(?, CAST(job.queue AS TEXT), '${noQueue}')
    AND (? OR ${idOfDead} IN (SELECT value FROM json_each(?)))
  ORDER BY dead.number DESC LIMIT ?`;

export const listDead: string = `
  SELECT ${idOfDead} AS id, CAST(coalesce(job.type, '') AS TEXT) AS type,
         CAST(coalesce(job.queue, '${noQueue}') AS TEXT) AS queue, CAST(dead.code AS TEXT) AS code,
         CAST(dead.message AS TEXT) AS message, ${whole("dead.attempt")} AS attempt,
         ${whole("dead.died_at")} AS died_at, CAST(coalesce(job.body, rejected.envelope, '') AS TEXT) AS body,
         job.seq IS NULL AND rejected.number IS NULL AS gone ${deadWhere}`;

export const pickDead: string = `SELECT CAST(dead.number AS TEXT) AS number ${deadWhere}`;

/** `alive`: another program wrote the dead letter of a job that waits, or is leased. */
export const seqOfDead = `
  SELECT CAST(dead.seq AS TEXT) AS seq,
         EXISTS (SELECT 1 FROM waybill_leases AS lease WHERE lease.seq = job.seq)
         OR EXISTS (SELECT 1 FROM waybill_delayed AS delay WHERE delay.due_at = job.due_at AND delay.seq = job.seq)
         OR EXISTS (
           SELECT 1 FROM waybill_line AS line
           WHERE line.queue = job.queue AND line.rank = -job.priority AND line.seq = job.seq) AS alive
  FROM waybill_dead AS dead LEFT JOIN waybill_jobs AS job ON job.seq = dead.seq WHERE dead.number = ?`;

export const renewJob = `
  UPDATE waybill_jobs SET failures = 0, lost = 0, releases = 0, due_at = NULL, enqueued_at = ? WHERE seq = ?`;

/** Judged again from the start; an arrival of the same id that already waits there wins. */
export const returnArrival = `
  INSERT INTO waybill_inbox (id, envelope, signature, signature_timestamp, inserted_at)
  SELECT id, envelope, signature, signature_timestamp, inserted_at FROM waybill_rejected WHERE number = ?
  ON CONFLICT (id) DO NOTHING`;

export const removeRejected = `DELETE FROM waybill_rejected WHERE number = ?`;

export const removeDead = `DELETE FROM waybill_dead WHERE number = ?`;
