import type { DatabaseSync } from "node:sqlite";
import type { Ledger, LedgerChange, LedgerCommit, LedgerRecord } from "@waybill/core/backend";
import { countOf, notifiedKeys, numberOf, textOf } from "@waybill/core/backend";
import type { CommitGroup } from "../file/commit-group.ts";
import type { Read } from "../management/inspector.ts";
import { whole } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import type { FileWatches } from "./ledger-watch.ts";
import { createLedgerSweep } from "./ledger-sweep.ts";

/** Behind every character of a key. */
const LAST = "\x7f";

const COLUMNS = `CAST(ledger.key AS TEXT) AS key, CAST(ledger.value AS TEXT) AS value,
  ${whole("ledger.version")} AS version, ${whole("ledger.due_at")} AS due_at`;
/** Parameter: the time. */
const EXISTS_AT = "(expires_at IS NULL OR expires_at > ?)";

/**
 * The ledger in `waybill_ledger`. Its row with the empty key is no record: it has the last version of this file, so that no
 * version comes back, also not that of a deleted record. Call it through `guardedLedger`. Without `watches` it cannot be watched.
 */
export function createLedger(
  db: DatabaseSync,
  now: () => number,
  write: CommitGroup["write"],
  read: Read,
  watches: FileWatches | null,
): Ledger {
  const prepare = prepareOn(db);
  const sweep = createLedgerSweep(db, now);
  const several = prepare(`SELECT ${COLUMNS} FROM json_each(?) AS wanted
     LEFT JOIN waybill_ledger AS ledger ON ledger.key = wanted.value AND ${EXISTS_AT} ORDER BY wanted.key`);
  const versionOf = prepare(`SELECT ${whole("version")} AS version FROM waybill_ledger WHERE key = ? AND ${EXISTS_AT}`);
  const put = prepare(`INSERT OR REPLACE INTO waybill_ledger (key, value, version, written_at, due_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?)`);
  const remove = prepare("DELETE FROM waybill_ledger WHERE key = ?");
  const under = prepare(`SELECT ${COLUMNS} FROM waybill_ledger AS ledger
     WHERE key >= ? AND key < ? AND key > ? AND ${EXISTS_AT} ORDER BY ledger.key LIMIT ?`);
  const due = (within: string): string => `SELECT ${COLUMNS} FROM waybill_ledger AS ledger
     WHERE ${within} AND due_at <= ? AND key >= ? AND key < ? AND ${EXISTS_AT} ORDER BY ledger.due_at, ledger.key LIMIT ?`;
  const dueOfFeature = prepare(due("substr(key, 1, instr(key, '/')) = ?"));
  const dueOfAny = prepare(due("due_at IS NOT NULL"));

  function holds({ key, ifVersion }: LedgerChange, at: number): boolean {
    if (ifVersion === "any") return true;
    const found = versionOf.get(key, at);
    return found === undefined ? ifVersion === "absent" : found["version"] === ifVersion;
  }

  function makeAll(changes: readonly LedgerChange[]): LedgerCommit {
    const at = now();
    const conflicts = changes.filter((change) => !holds(change, at)).map(({ key }) => key);
    if (conflicts.length > 0) return { ok: false, conflicts };
    sweep.run(changes.length);
    let version = sweep.nextVersions(changes.length, at);
    const versions = changes.map(({ key, value, dueInMs, expiresInMs }) => {
      if (value === null) {
        remove.run(key);
        return 0;
      }
      put.run(key, value, version, at, endOf(at, dueInMs), endOf(at, expiresInMs));
      return version++;
    });
    return { ok: true, versions };
  }

  return {
    async read(keys) {
      const at = now();
      return read(() => several.all(JSON.stringify(keys), at)).map((row) => recordOf(row, at));
    },
    async commit(changes) {
      const commit = await write(() => makeAll(changes));
      if (commit.ok) for (const key of notifiedKeys(changes)) watches?.changed(key);
      return commit;
    },
    async list({ prefix, after = "", limit }) {
      const at = now();
      const first = after > prefix ? after : prefix;
      const rows = read(() => under.all(first, prefix + LAST, after, at, limit));
      return rows.map((row) => recordOf(row, at) as LedgerRecord);
    },
    async due({ prefix, limit }) {
      const at = now();
      const feature = prefix.slice(0, prefix.indexOf("/") + 1);
      const range = [at, prefix, prefix + LAST, at, limit];
      const rows = read(() => (feature === "" ? dueOfAny.all(...range) : dueOfFeature.all(feature, ...range)));
      return rows.map((row) => recordOf(row, at) as LedgerRecord);
    },
    ...(watches && { watch: watches.watch }),
  };
}

const endOf = (at: number, inMs: number | undefined): number | null => (inMs === undefined ? null : at + inMs);

/** Null for the row of a key that has no record. */
function recordOf(row: Record<string, unknown>, at: number): LedgerRecord | null {
  const key = textOf(row["key"]);
  if (key === null) return null;
  const dueAt = numberOf(row["due_at"]);
  return {
    key,
    value: textOf(row["value"]) ?? "",
    version: countOf(row["version"], 1),
    dueInMs: dueAt === null ? null : dueAt - at,
  };
}
