import type { RecordChange, RecordFilter, StoredRecord } from "./record-store.ts";

/**
 * Merges a change into a record. What is known of the job stays: type, queue, tenant, time and payload are those of the first change
 * that has them. Items of the change replace those of the same name. The state is that of the change if it has the higher rank, or the
 * same and is not older, or if it replaces what began before. Never throws.
 */
export function mergeRecord(old: RecordChange, change: RecordChange): RecordChange {
  const isNewer =
    change.rank > old.rank || (change.rank === old.rank && change.at >= old.at) || change.replaces > old.at;
  const { state, code, message, at, endedAt, rank, replaces } = isNewer ? change : old;
  return {
    id: old.id,
    type: old.type || change.type,
    queue: old.queue || change.queue,
    tenant: old.tenant ?? change.tenant,
    enqueuedAt: old.enqueuedAt,
    payload: old.payload ?? change.payload,
    state,
    code,
    message,
    at,
    startedAt: (isNewer ? change.startedAt : null) ?? old.startedAt ?? change.startedAt,
    endedAt,
    items: { ...old.items, ...change.items },
    rank,
    replaces,
  };
}

/** Returns a function that says whether a record passes the filter, for stores that cannot ask their index for all of it. Never throws. */
export function matchRecord(filter: RecordFilter): (record: StoredRecord) => boolean {
  const { type, state, tenant, queue, since = -Infinity, until = Infinity, code } = filter;
  const text = filter.text === undefined ? undefined : asciiLower(filter.text);
  const has = (value: string | null): boolean => value !== null && asciiLower(value).includes(text ?? "");
  return (record) =>
    (type === undefined || record.type === type) &&
    (state === undefined || record.state === state) &&
    (tenant === undefined || record.tenant === tenant) &&
    (queue === undefined || record.queue === queue) &&
    (code === undefined || record.code === code) &&
    record.enqueuedAt >= since &&
    record.enqueuedAt < until &&
    (text === undefined || has(record.payload) || has(record.message));
}

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
