import type { DatabaseSync } from "node:sqlite";
import type { RecordChange, RecordStore } from "@waybill/core/backend";
import type { CommitGroup } from "../file/commit-group.ts";
import type { Read } from "../management/inspector.ts";
import { whole } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import { createRecordRetention } from "./retention.ts";
import { createRecordSearch } from "./find-records.ts";
import { COLUMNS, recordOf } from "./record-rows.ts";
import { makeTextIndex } from "../schema/text-index.ts";

/** Positions of one millisecond: the order of records is that of their enqueue, and each has a position of its own. */
const PER_MS = 1_024;

/** Whether a change, `c`, has a newer state than its record, `r`; see `mergeRecord` of core. */
const NEWER = "(c.rank > r.rank OR (c.rank = r.rank AND c.at >= r.at) OR c.replaces > r.at)";
const newer = (column: string): string => `${column} = CASE WHEN ${NEWER} THEN c.${column} ELSE r.${column} END`;
const CHANGED = "rank at replaces state code message started_at ended_at payload items".split(" ");

/** Writes the newer state of a job of which all else is known, as most changes are. It is faster than UPDATE, which does the others. */
const ADVANCE = `UPDATE waybill_records SET state = ?, code = ?, message = ?, ended_at = ?, started_at = coalesce(?, started_at), at = ?,
   rank = ?, replaces = ?, items = CASE WHEN items = '{}' THEN ? ELSE json_patch(items, ?) END
   WHERE scope = ? AND id = ? AND (? > rank OR (? = rank AND ? >= at) OR ? > at) AND (items = '{}' OR json_valid(items))
   AND type <> '' AND queue <> '' AND (tenant IS NOT NULL OR ? IS NULL) AND (payload IS NOT NULL OR ? IS NULL)`;

/** Merges a change into its record by itself: a record is not read for it. */
const UPDATE = `UPDATE waybill_records AS r SET
   ${["state", "code", "message", "ended_at", "at", "rank", "replaces"].map(newer).join(", ")},
   started_at = coalesce(CASE WHEN ${NEWER} THEN c.started_at END, r.started_at, c.started_at),
   payload = coalesce(r.payload, c.payload),
   items = CASE WHEN r.items = '{}' OR NOT json_valid(r.items) THEN c.items WHEN c.items = '{}' THEN r.items
     ELSE json_patch(r.items, c.items) END
   FROM (SELECT ${CHANGED.map((column) => `? AS ${column}`).join(", ")}) AS c
   WHERE r.scope = ? AND r.id = ?
   RETURNING ${whole("position")} AS position, type, queue, tenant`;

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
  const advance = prepare(ADVANCE);
  const update = prepare(UPDATE);
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

  function advances(change: RecordChange, json: string): boolean {
    const { id, tenant, state, code, at, startedAt, endedAt, rank, replaces, payload, message } = change;
    const values = [state, code, message, endedAt, startedAt, at, rank, replaces, json, json] as const;
    return Number(advance.run(...values, scope, id, rank, rank, at, replaces, tenant, payload).changes) > 0;
  }

  function put(change: RecordChange): void {
    // A job that was just enqueued most likely has no record.
    if (change.rank === 0 && insertAt(Math.max(last + 1, change.enqueuedAt * PER_MS), change)) return undefined;
    const { id, state, code, at, startedAt, endedAt, rank, replaces, payload, message, items } = change;
    const json = jsonOf(items);
    if (advances(change, json)) return undefined;
    const known = update.get(rank, at, replaces, state, code, message, startedAt, endedAt, payload, json, scope, id);
    if (known === undefined) return add(change);
    const type = known["type"] === "" ? change.type : known["type"];
    const queue = known["queue"] === "" ? change.queue : known["queue"];
    const tenant = known["tenant"] ?? change.tenant;
    // Each index entry of its own is written again, and few records lack one.
    if (type !== known["type"] || queue !== known["queue"] || tenant !== known["tenant"])
      label.run(type as string, queue as string, tenant as string | null, known["position"] as number);
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
    indexTexts: () => write(() => makeTextIndex(db)),
  };
}

function jsonOf(items: Readonly<Record<string, string>>): string {
  for (const _ in items) return JSON.stringify(items);
  return "{}";
}
