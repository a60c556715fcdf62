import type { DatabaseSync } from "node:sqlite";
import { configInvalid } from "@waybill/core/backend";
import { prepare, valueOf } from "../sql/statement.ts";

const TABLE = "waybill_record_texts";
/** More say little more about which records have the text. */
const MOST_TRIGRAMS = 24;

/**
 * Says which records have which trigram, and holds no text. Triggers keep it up to date. `waybill_record_texts_since` has the
 * position from which on it is complete: records that were there before are not added.
 */
const index = `
  CREATE VIRTUAL TABLE ${TABLE} USING fts5(
    payload, message, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram'
  );
  CREATE TABLE ${TABLE}_since (position INTEGER NOT NULL);
  INSERT INTO ${TABLE}_since SELECT coalesce(max(position), 0) + 1 FROM waybill_records;
  CREATE TRIGGER ${TABLE}_added AFTER INSERT ON waybill_records BEGIN
    INSERT INTO ${TABLE} (rowid, payload, message) VALUES (new.position, new.payload, new.message);
  END;
  CREATE TRIGGER ${TABLE}_changed AFTER UPDATE OF payload, message ON waybill_records
    WHEN new.payload IS NOT old.payload OR new.message IS NOT old.message BEGIN
    INSERT OR REPLACE INTO ${TABLE} (rowid, payload, message) VALUES (new.position, new.payload, new.message);
  END;
  CREATE TRIGGER ${TABLE}_removed AFTER DELETE ON waybill_records BEGIN
    DELETE FROM ${TABLE} WHERE rowid = old.position;
  END;
`;

/** SQL that names the triggers of this index. */
export const OWN_TRIGGERS: string = `name GLOB '${TABLE}_*'`;

/** Whether this Node's SQLite can write such an index: FTS5 since Node 22.16, with deletes since SQLite 3.43. */
export function canIndexTexts(db: DatabaseSync): boolean {
  const [, minor = 0] = String(valueOf(db, "SELECT sqlite_version()")).split(".").map(Number);
  return minor >= 43 && Number(valueOf(db, "SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'")) === 1;
}

export const hasTextIndex = (db: DatabaseSync): boolean =>
  Number(valueOf(db, `SELECT count(*) FROM sqlite_schema WHERE name = '${TABLE}'`)) === 1;

/** Makes the index, in the transaction of the caller, unless it is there or this SQLite cannot. */
export function makeTextIndex(db: DatabaseSync): void {
  if (canIndexTexts(db) && !hasTextIndex(db)) db.exec(index);
}

/** Throws `CONFIG_INVALID` for a file whose index this Node's SQLite cannot write: every record would be refused. */
export function assertTextIndex(db: DatabaseSync, file: string): void {
  if (!hasTextIndex(db) || canIndexTexts(db)) return;
  const text = `"${file}" has an index of texts (records: { search: true }), and the SQLite of Node ${process.version} has no FTS5 to write it; use Node 22.16 or newer, or remove the index with such a Node`;
  throw configInvalid(text);
}

/** Which records may have a text: those of which the index has all its trigrams. */
export interface TextMatch {
  /** SQL for the records in question, by the parameters `match`, a position before which, one from which on, and a number of rows. */
  readonly source: string;
  readonly match: string;
  /** The index has every record from this position on. */
  readonly since: number;
}

const source = `FROM ${TABLE} CROSS JOIN waybill_records ON position = ${TABLE}.rowid
  WHERE ${TABLE} MATCH ? AND ${TABLE}.rowid < ? AND ${TABLE}.rowid >= ?
  ORDER BY ${TABLE}.rowid DESC LIMIT ?`;

/** Returns null where there is no index, and for a text of fewer than three characters. */
export function textMatch(db: DatabaseSync, text: string): TextMatch | null {
  const match = trigramsOf(text);
  if (match === "" || !hasTextIndex(db)) return null;
  const row = prepare(db, `SELECT position FROM ${TABLE}_since`).get();
  return row === undefined ? null : { source, match, since: Number(row["position"]) };
}

function trigramsOf(text: string): string {
  const points = [...text];
  const trigrams = new Set(points.slice(2).map((last, at) => `${points[at]}${points[at + 1]}${last}`));
  const usable = [...trigrams].filter((trigram) => !trigram.includes("\0"));
  const some = usable.length > MOST_TRIGRAMS ? [...usable.slice(0, 12), ...usable.slice(-12)] : usable;
  return some.map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(" AND ");
}
