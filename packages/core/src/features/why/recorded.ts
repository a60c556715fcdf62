import type { StoredJob } from "../../backend/job-control.ts";
import type { StoredRecord } from "../../backend/record-store.ts";
import type { ReturnedJob } from "../../backend/worker-details.ts";
import { parseTimestamp } from "../../envelope/index.ts";
import { wallMs } from "../../time/clock.ts";
import { jobRecordOf } from "../records/job-record.ts";
import { recordedDue, recordedEnvelope } from "../records/record-facts.ts";
import type { Reported } from "./reported.ts";

/** Returns an unfinished job as its record has it; null for one that has ended, and without a record. */
export function recordedJob(record: StoredRecord | null): StoredJob | null {
  if (record === null) return null;
  const { id, type, queue, tenant, enqueuedAt, state } = record;
  if (state !== "waiting" && state !== "running" && state !== "retrying") return null;
  const last = jobRecordOf(record).attempts.at(-1)?.attempt ?? 1;
  const dueAt = state === "running" ? null : (recordedDue(record)?.until ?? scheduledAt(record));
  const isDue = dueAt === null || dueAt <= wallMs();
  return {
    id,
    type,
    queue,
    state: state === "running" ? "leased" : isDue ? "ready" : "delayed",
    tenant,
    priority: 0,
    attempt: state === "retrying" ? last + 1 : last,
    enqueuedAt,
    dueAt,
    reason: null,
    body: "",
  };
}

function scheduledAt(record: StoredRecord): number | null {
  const at = recordedEnvelope(record)?.scheduled_at;
  return at === undefined ? null : parseTimestamp(at);
}

/** Returns how a run ended that returned its job to the queue, as its record has it; null where none did, or the job has run since. */
export function recordedReturn(record: StoredRecord | null): Reported<ReturnedJob> | null {
  if (record === null) return null;
  const returned = recordedDue(record);
  if (returned === null) return null;
  const { at, until: dueAt, worker, attempt } = returned;
  const { id, type, queue, state, code, message } = record;
  const how = state === "retrying" ? "retry" : "release";
  const entry = { id, type, queue, how, attempt, code: code ?? "", message: message ?? "", at, dueAt } as const;
  return { worker: { id: worker, host: "", heartbeatMs: 0 }, entry };
}

export interface RecordedRun {
  readonly worker: string;
  /** Unix milliseconds. */
  readonly startedAt: number;
}

/** Returns the worker that runs a job, as its record has it; null where it does not. */
export function recordedRun(record: StoredRecord): RecordedRun | null {
  const last = jobRecordOf(record).attempts.at(-1);
  return record.state === "running" && last !== undefined ? last : null;
}
