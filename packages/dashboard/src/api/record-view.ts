import type { JobRecord } from "@waybill/core";
import type { JobRow } from "./job-view.ts";
import { type Hide, hiderOf, type Paths, redacted } from "./redact.ts";

/** States that a job has only in records: its queue has let it go. */
const ENDED = ["completed", "cancelled", "discarded"] as const;
export type EndedState = (typeof ENDED)[number];

export const isEndedState = (state: string | null): state is EndedState => ENDED.some((one) => one === state);

/** Returns a record without what is redacted, also in its messages, stacks and lines. */
export function recordView(record: JobRecord, paths: Paths): JobRecord {
  if (paths.length === 0) return record;
  const { args, hide } = recordedPayload(record, paths);
  const { attempts, logs, message, progress } = record;
  return {
    ...record,
    payload: args === null ? null : JSON.stringify(redacted(args[0], paths)),
    message: hide(message),
    attempts: attempts.map((one) => ({ ...one, message: hide(one.message), stack: hide(one.stack) })),
    logs: logs.map((one) => ({ ...one, text: hide(one.text) })),
    progress: progress && { ...progress, message: hide(progress.message) },
  };
}

/** Returns a record as a line of the table of jobs. */
export function recordRow(record: JobRecord, paths: Paths): JobRow {
  const { id, type, queue, state, tenant, enqueuedAt, attempts } = record;
  const known = { id, type, queue, state, tenant, enqueuedAt, priority: 0, dueAt: null, reason: null };
  const { payload } = recordView(record, paths);
  return {
    ...known,
    attempt: attempts.at(-1)?.attempt ?? 1,
    preview: (payload ?? "").slice(0, 160).replace(/[\uD800-\uDBFF]$/, ""),
  };
}

/** Returns what hides the redacted members of a record's payload in other texts. */
export const hidingRecorded = (record: JobRecord, paths: Paths): Hide => recordedPayload(record, paths).hide;

/** A payload that was cut is no JSON any more. */
function recordedPayload(
  { payload }: JobRecord,
  paths: Paths,
): { readonly args: readonly unknown[] | null; readonly hide: Hide } {
  try {
    const args = payload === null ? null : [JSON.parse(payload) as unknown];
    return { args, hide: hiderOf(args, paths) };
  } catch {
    return { args: null, hide: hiderOf(null, paths) };
  }
}
