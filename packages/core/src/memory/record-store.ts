import { matchRecord, mergeRecord } from "../backend/merge-record.ts";
import type { RecordChange, RecordStore } from "../backend/record-store.ts";

interface Row {
  readonly number: number;
  readonly record: RecordChange;
}

/** Those enqueued last first; of the same moment, those written last. */
const newestFirst = (one: Row, other: Row): number =>
  other.record.enqueuedAt - one.record.enqueuedAt || other.number - one.number;

/** The records that the connections of one store share. */
export function createRecordStore(): RecordStore {
  const rows = new Map<string, Row>();
  let numbers = 0;
  let asOf: number | null = null;

  return {
    async write(changes) {
      for (const change of changes) {
        const old = rows.get(change.id);
        const record = old === undefined ? change : mergeRecord(old.record, change);
        rows.set(change.id, { number: old?.number ?? ++numbers, record });
        asOf = Math.max(asOf ?? change.at, change.at);
      }
    },
    async get(id) {
      return rows.get(id)?.record ?? null;
    },
    async find({ limit, after, ...filter }) {
      const [enqueuedAt = Infinity, number = Infinity] = after?.split(".").map(Number) ?? [];
      const matches = matchRecord(filter);
      const found = [...rows.values()]
        .filter(
          (row) => row.record.enqueuedAt < enqueuedAt || (row.record.enqueuedAt === enqueuedAt && row.number < number),
        )
        .filter(({ record }) => matches(record))
        .sort(newestFirst);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const next = last === undefined || found.length <= limit ? null : `${last.record.enqueuedAt}.${last.number}`;
      return { records: page.map(({ record }) => record), next, asOf };
    },
    async prune({ before, most, limit }) {
      const oldest = [...rows.values()].toSorted(newestFirst).toReversed();
      const excess = most === null ? 0 : oldest.length - most;
      const removed = oldest
        .filter(({ record }, at) => at < excess || (before !== null && record.enqueuedAt < before))
        .slice(0, limit);
      for (const { record } of removed) rows.delete(record.id);
      return removed.length;
    },
  };
}
