import { countOf, type StoredRecord } from "@waybill/core/backend";

/** Bigints arrive as text. */
export type RecordRow = Omit<StoredRecord, "enqueuedAt" | "at" | "startedAt" | "endedAt" | "items"> & {
  readonly enqueued_at: string;
  readonly number: string;
  readonly at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly items: string;
};

export const COLUMNS: string =
  "id, type, queue, tenant, enqueued_at, number, payload, state, code, message, at, started_at, ended_at, items";

export function recordOf(row: RecordRow): StoredRecord {
  const { id, type, queue, tenant, payload, state, code, message, started_at, ended_at } = row;
  return {
    id,
    type,
    queue,
    tenant,
    enqueuedAt: countOf(Number(row.enqueued_at), 0),
    payload,
    state,
    code,
    message,
    at: countOf(Number(row.at), 0),
    startedAt: started_at === null ? null : Number(started_at),
    endedAt: ended_at === null ? null : Number(ended_at),
    items: JSON.parse(row.items) as Record<string, string>,
  };
}
