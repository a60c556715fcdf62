import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { DeadReason } from "@waybill/core";
import type { ControlResult, JobControl, JobQuery, JobState, StoredJob } from "@waybill/core/backend";
import { countOf, momentOf, numberOf, parseError, textOf } from "@waybill/core/backend";
import type { CommitGroup } from "../file/commit-group.ts";
import { createJobState } from "../jobs/job-state.ts";
import type { Maintenance } from "../jobs/maintenance.ts";
import { prepareOn } from "../sql/statement.ts";
import type { Read } from "./inspector.ts";
import { createTrace } from "./job-trace.ts";
import { endOfNamedSlice, endOfSlice, listJobs, listNamedJobs } from "./job-control-sql.ts";

/** Jobs looked at between two turns of the event loop; fewer where their bodies are read. */
const SLICE = 1_000;
const TEXT_SLICE = 100;

/** Lists jobs by id, which never changes, in slices: a search of a large file never blocks the event loop for long. */
export function createJobControl(
  db: DatabaseSync,
  now: () => number,
  write: CommitGroup["write"],
  read: Read,
  maintenance: Maintenance,
): JobControl {
  const state = createJobState(db);
  const prepare = prepareOn(db);
  const all = { listed: prepare(listJobs), sliceEnd: prepare(endOfSlice) };
  const named = { listed: prepare(listNamedJobs), sliceEnd: prepare(endOfNamedSlice) };
  const bodyOf = prepare("SELECT CAST(body AS TEXT) AS body FROM waybill_jobs WHERE seq = ?");
  const seqOf = prepare("SELECT CAST(seq AS TEXT) AS seq FROM waybill_jobs WHERE id = ?");
  const isDead = prepare("SELECT 1 FROM waybill_dead WHERE seq = ?");
  const isLeased = prepare("SELECT 1 FROM waybill_leases WHERE seq = ?");
  const isAhead = prepare(`SELECT 1 FROM waybill_jobs AS job WHERE job.seq = ? AND (
       EXISTS (SELECT 1 FROM waybill_waiting AS waiting WHERE waiting.seq = job.seq)
       OR EXISTS (
         SELECT 1 FROM waybill_ready AS ready
         WHERE ready.queue = job.queue AND ready.rank = -job.priority AND ready.seq = job.seq))`);
  const trace = createTrace(db);
  const setDue = prepare("UPDATE waybill_jobs SET due_at = ? WHERE seq = ?");

  /** None when the job has gone meanwhile. */
  function withBody(row: Record<string, unknown>): StoredJob[] {
    const found = bodyOf.get(String(row["seq"]));
    return found === undefined ? [] : [jobOf(row, textOf(found["body"]) ?? "")];
  }

  function change(id: string, apply: (seq: string) => void): ControlResult {
    const seq = textOf(seqOf.get(id)?.["seq"]);
    if (seq === null) return "absent";
    if (isDead.get(seq) !== undefined) return "dead";
    if (isLeased.get(seq) !== undefined) return "leased";
    apply(seq);
    return "done";
  }

  function changeAll(ids: readonly string[], apply: (seq: string) => void): Promise<ControlResult[]> {
    return write(() => {
      maintenance.endLeases();
      return ids.map((id) => change(id, apply));
    });
  }

  function cancel(seq: string): void {
    state.withdraw(seq);
    state.remove(seq);
  }

  function makeDue(seq: string, delayMs: number, at: number): void {
    if (delayMs <= 0 && isAhead.get(seq) !== undefined) return;
    state.withdraw(seq);
    const dueAt = delayMs > 0 ? Math.ceil(at + delayMs) : null;
    setDue.run(dueAt, seq);
    if (dueAt !== null) state.delay(dueAt, seq, at);
    else state.makeReady(state.moveToEnd(null, seq) ?? Number.NaN);
  }

  return {
    async list(query) {
      const { limit = 100, ids } = query;
      const { listed, sliceEnd } = ids === undefined ? all : named;
      const wanted = ids === undefined ? [] : [JSON.stringify(ids)];
      const size = query.text === undefined ? SLICE : TEXT_SLICE;
      const found: StoredJob[] = [];
      for (let after: string | null = query.after ?? ""; after !== null && found.length <= limit;) {
        const from: string = after;
        const parameters = [now(), ...wanted, from, size, ...filtersOf(query), limit + 1 - found.length];
        found.push(...read(() => listed.all(...parameters).flatMap(withBody)));
        after = textOf(read(() => sliceEnd.get(...wanted, from, size))?.["id"]);
        if (after !== null && found.length <= limit) await new Promise(setImmediate);
      }
      const jobs = found.slice(0, limit);
      return { jobs, next: found.length > limit ? (jobs.at(-1)?.id ?? null) : null };
    },
    cancel: (ids) => changeAll(ids, cancel),
    reschedule: (ids, delayMs) => changeAll(ids, (seq) => makeDue(seq, delayMs, now())),
    trace: async (id) => read(() => trace(id)),
  };
}

/** The parameters of `listJobs` between those of the slice and the limit. */
function filtersOf({ queue, type, tenant, state, since, text }: JobQuery): SQLInputValue[] {
  const filter = (value: SQLInputValue | undefined): SQLInputValue[] => [value === undefined ? 1 : 0, value ?? ""];
  return [queue ?? null, type ?? null, state ?? null, ...filter(tenant), ...filter(since), ...filter(text)];
}

function jobOf(row: Record<string, unknown>, body: string): StoredJob {
  const text = (column: string): string => textOf(row[column]) ?? "";
  const state = text("state") as JobState;
  return {
    id: text("id"),
    type: text("type"),
    queue: text("queue"),
    state,
    tenant: textOf(row["tenant"]),
    priority: numberOf(row["priority"]) ?? 0,
    attempt: countOf(row["attempt"], 1),
    enqueuedAt: momentOf(row["enqueued_at"]),
    dueAt: state === "delayed" || state === "leased" ? momentOf(row["due_at"]) : null,
    reason: state === "dead" ? reasonOf(row) : null,
    body,
  };
}

function reasonOf(row: Record<string, unknown>): DeadReason {
  const error = parseError(row["error"]);
  return { code: textOf(row["code"]) ?? "", message: textOf(row["message"]) ?? "", ...(error && { error }) };
}
