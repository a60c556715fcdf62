import type { DatabaseSync } from "node:sqlite";
import { countOf, type JobTrace, momentOf, MOST_AHEAD, MOST_SLOTS, textOf } from "@waybill/core/backend";
import { PAUSED } from "../jobs/limit-keys.ts";
import { prepareOn } from "../sql/statement.ts";

/** Returns a function that says where an id is in the file. It writes nothing. */
export function createTrace(db: DatabaseSync): (id: string) => JobTrace | null {
  const prepare = prepareOn(db);
  const placeOf = prepare(`SELECT CAST(job.seq AS TEXT) AS seq, job.queue AS queue, -job.priority AS rank,
       ready.seq IS NOT NULL AS ready, waiting.name AS name, waiting.key AS key
     FROM waybill_jobs AS job
     LEFT JOIN waybill_ready AS ready ON ready.queue = job.queue AND ready.rank = -job.priority AND ready.seq = job.seq
     LEFT JOIN waybill_waiting AS waiting ON waiting.seq = job.seq AND waiting.name <> '${PAUSED}'
     WHERE job.id = ?`);
  const before = prepare(`SELECT count(*) AS ahead, count(*) FILTER (WHERE rank < ?) AS higher FROM (
       SELECT rank FROM waybill_ready WHERE queue = ? AND (rank, seq) < (?, ?) ORDER BY rank, seq LIMIT ${MOST_AHEAD})`);
  const slotJobs = prepare(`SELECT CAST(job.id AS TEXT) AS id FROM waybill_slots AS slot
     CROSS JOIN waybill_leases AS lease ON lease.seq = slot.seq AND lease.token = slot.token
     CROSS JOIN waybill_jobs AS job ON job.seq = slot.seq
     WHERE slot.name = ? AND slot.key = ? ORDER BY lease.leased_at LIMIT ${MOST_SLOTS}`);
  const inInbox = prepare("SELECT CAST(inserted_at AS TEXT) AS inserted_at FROM waybill_inbox WHERE id = ?");
  const finished = prepare(`SELECT finished_at FROM waybill_finished
     WHERE instr(jobs, ?) > 0 ORDER BY upto DESC LIMIT 1`);

  function ofJob(row: Record<string, unknown>): JobTrace {
    const [name, key] = [textOf(row["name"]), textOf(row["key"])];
    const found = name === null || key === null ? [] : slotJobs.all(name, key);
    const full = name === null || key === null ? null : { name, key, jobs: found.map(({ id }) => String(id)) };
    if (Number(row["ready"]) !== 1) return { place: "queue", ahead: null, higher: null, full };
    const [rank, queue, seq] = [Number(row["rank"]), textOf(row["queue"]) ?? "", Number(row["seq"])];
    const counts = before.get(rank, queue, rank, seq);
    return { place: "queue", ahead: countOf(counts?.["ahead"], 0), higher: countOf(counts?.["higher"], 0), full };
  }

  return (id) => {
    const job = placeOf.get(id);
    if (job !== undefined) return ofJob(job);
    const arrived = inInbox.get(id);
    if (arrived !== undefined) return { place: "inbox", since: momentOf(Date.parse(String(arrived["inserted_at"]))) };
    // Ids are stored as JSON.
    const ended = finished.get(`[${JSON.stringify(id)},`);
    return ended === undefined ? null : { place: "finished", endedAt: momentOf(ended["finished_at"]) };
  };
}
