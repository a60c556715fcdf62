import type { DatabaseSync } from "node:sqlite";
import { mergeRecord, type RecordChange, type RecordStore } from "@waybill/core/backend";
import type { CommitGroup } from "../file/commit-group.ts";
import type { Read } from "../management/inspector.ts";
import { prepareOn } from "../sql/statement.ts";
import { createRecordRetention } from "./retention.ts";
import { createRecordSearch } from "./find-records.ts";
import { COLUMNS, changeOf, recordOf } from "./record-rows.ts";

/** Positions of one millisecond: the order of records is that of their enqueue, and each has a position of its own. */
const PER_MS = 1_024;

/**
 * The records of one scope, in `waybill_records`. A record keeps its position, which is when it was enqueued, so pages and pruning need
 * no other index. Call it through `guardedRecordStore`.
 */
export function createRecordStore(
  db: DatabaseSync,
  scope: string,
  write: CommitGroup["write"],
  read: Read,
): RecordStore {
  const prepare = prepareOn(db);
  const byId = prepare(`SELECT ${COLUMNS} FROM waybill_records WHERE scope = ? AND id = ?`);
  const insert = prepare(`INSERT OR IGNORE INTO waybill_records
     (position, scope, id, type, queue, tenant, state, code, enqueued_at, at, started_at, ended_at, rank, replaces, payload, message, items)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const update = prepare(`UPDATE waybill_records SET
     state = ?, code = ?, at = ?, started_at = ?, ended_at = ?, rank = ?, replaces = ?, payload = ?, message = ?, items = ? WHERE position = ?`);
  /** Leaves the indexes as they are. */
  const rewrite = prepare(`UPDATE waybill_records SET
     at = ?, started_at = ?, ended_at = ?, rank = ?, replaces = ?, payload = ?, message = ?, items = ? WHERE position = ?`);
  const label = prepare("UPDATE waybill_records SET type = ?, queue = ?, tenant = ? WHERE position = ?");
  const seen = prepare(`INSERT INTO waybill_record_times (scope, at) VALUES (?, ?)
     ON CONFLICT (scope) DO UPDATE SET at = max(at, excluded.at)`);

  /** The position of the last insert: jobs are mostly enqueued in order. */
  let last = 0;

  /** Returns whether it was inserted: not when its id is there, nor when its position is. */
  function insertAt(position: number, change: RecordChange): boolean {
    const { id, type, queue, tenant, state, code, enqueuedAt, at, startedAt, endedAt, rank, replaces } = change;
    const { payload, message, items } = change;
    const times = [enqueuedAt, at, startedAt, endedAt, rank, replaces] as const;
    const written = insert.run(
      position,
      scope,
      id,
      type,
      queue,
      tenant,
      state,
      code,
      ...times,
      payload,
      message,
      jsonOf(items),
    );
    if (Number(written.changes) === 0) return false;
    last = position;
    return true;
  }

  function add(change: RecordChange): void {
    const first = change.enqueuedAt * PER_MS;
    const end = first + PER_MS;
    let position = last >= first && last < end ? last + 1 : first;
    // Another process has written records of the same millisecond.
    while (!insertAt(position, change)) position += 1 + Math.floor(Math.random() * 64);
  }

  function put(change: RecordChange): void {
    // A job that was just enqueued most likely has no record.
    if (change.rank === 0 && insertAt(Math.max(last + 1, change.enqueuedAt * PER_MS), change)) return undefined;
    const row = byId.get(scope, change.id);
    if (row === undefined) return add(change);
    const position = Number(row["position"]);
    const old = changeOf(row);
    const { type, queue, tenant, state, code, at, startedAt, endedAt, rank, replaces, payload, message, items } =
      mergeRecord(old, change);
    if (state === old.state && code === old.code) {
      rewrite.run(at, startedAt, endedAt, rank, replaces, payload, message, jsonOf(items), position);
    } else update.run(state, code, at, startedAt, endedAt, rank, replaces, payload, message, jsonOf(items), position);
    // Each index entry of its own is written again, and few records lack one.
    if (type !== old.type || queue !== old.queue || tenant !== old.tenant) label.run(type, queue, tenant, position);
    return undefined;
  }

  return {
    write: (changes) =>
      write(() => {
        for (const change of changes) put(change);
        seen.run(scope, Math.max(...changes.map(({ at }) => at)));
      }),
    async get(id) {
      const row = read(() => byId.get(scope, id));
      return row === undefined ? null : recordOf(row);
    },
    find: createRecordSearch(db, scope, PER_MS, read),
    prune: createRecordRetention(db, scope, PER_MS, write),
  };
}

function jsonOf(items: Readonly<Record<string, string>>): string {
  for (const _ in items) return JSON.stringify(items);
  return "{}";
}
