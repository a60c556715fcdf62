import type { Ledger, LedgerChange, LedgerRecord } from "../backend/ledger.ts";
import { createLedgerWatches, notifiedKeys } from "../backend/shared/ledger-watches.ts";
import { monotonicMs } from "../time/clock.ts";
import { createHeap } from "./heap.ts";
import { createKeyIndex } from "./key-index.ts";

/** One record. `at` is when it expires; it and `dueAt` are on the monotonic clock. */
interface Row {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly dueAt: number;
  at: number;
  readonly seq: number;
  slot: number;
}

const byKey = (a: Row, b: Row): number => (a.key < b.key ? -1 : 1);

/** The ledger that the connections of one store share. `nextVersion` returns another number at each call. */
export function createLedger(nextVersion: () => number): Ledger {
  const rows = new Map<string, Row>();
  const expiring = createHeap<Row>();
  const index = createKeyIndex();
  const watches = createLedgerWatches({ isReporting: () => true });

  function remove(row: Row): void {
    rows.delete(row.key);
    index.remove(row.key);
    if (row.at !== Infinity) expiring.remove(row);
  }

  /** Removes what has expired. Returns the time. */
  function sweep(): number {
    const now = monotonicMs();
    for (let row = expiring.peek(); row !== undefined && row.at <= now; row = expiring.peek()) remove(row);
    return now;
  }

  function write({ key, value, dueInMs = Infinity, expiresInMs = Infinity }: LedgerChange, now: number): number {
    const old = rows.get(key);
    if (value === null) {
      if (old !== undefined) remove(old);
      return 0;
    }
    const version = nextVersion();
    const row = { key, value, version, dueAt: now + dueInMs, at: now + expiresInMs, seq: version, slot: -1 };
    if (old === undefined) index.add(key);
    else if (old.at !== Infinity) expiring.remove(old);
    rows.set(key, row);
    if (row.at !== Infinity) expiring.push(row);
    return version;
  }

  const holds = ({ key, ifVersion }: LedgerChange): boolean =>
    ifVersion === "any" || ifVersion === (rows.get(key)?.version ?? "absent");

  function* under(prefix: string, after = ""): Generator<Row> {
    for (const key of index.under(prefix, after)) yield rows.get(key) as Row;
  }

  return {
    async read(keys) {
      const now = sweep();
      return keys.map((key) => recordOf(rows.get(key), now));
    },
    async commit(changes) {
      const now = sweep();
      const conflicts = changes.filter((change) => !holds(change)).map(({ key }) => key);
      if (conflicts.length > 0) return { ok: false, conflicts };
      const versions = changes.map((change) => write(change, now));
      for (const key of notifiedKeys(changes)) watches.changed(key);
      return { ok: true, versions };
    },
    async list({ prefix, after, limit }) {
      const now = sweep();
      const found: LedgerRecord[] = [];
      for (const row of under(prefix, after)) {
        if (found.length === limit) break;
        found.push(shown(row, now));
      }
      return found;
    },
    async due({ prefix, limit }) {
      const now = sweep();
      const due = [...under(prefix)].filter(({ dueAt }) => dueAt <= now);
      return due
        .sort((a, b) => a.dueAt - b.dueAt || byKey(a, b))
        .slice(0, limit)
        .map((row) => shown(row, now));
    },
    watch: watches.watch,
  };
}

const recordOf = (row: Row | undefined, now: number): LedgerRecord | null =>
  row === undefined ? null : shown(row, now);

const shown = ({ key, value, version, dueAt }: Row, now: number): LedgerRecord => ({
  key,
  value,
  version,
  dueInMs: dueAt === Infinity ? null : dueAt - now,
});
