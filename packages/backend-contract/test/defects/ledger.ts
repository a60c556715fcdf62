import type { Ledger, LedgerChange, LedgerCommit, LedgerRecord } from "@waybill/core/backend";
import { always, type Defect, pause, type Spoil } from "./planted.ts";

/** Replaces part of the ledger. What `spoil` remembers belongs to the connection. */
export const ledgers = (spoil: (good: Ledger) => Partial<Ledger>): (() => Spoil) =>
  always(({ ledger }) => ({ ledger: { ...ledger, ...spoil(ledger) } }));

/** Changes each change on its way in. */
const writes = (change: (one: LedgerChange) => LedgerChange): (() => Spoil) =>
  ledgers((good) => ({ commit: (changes) => good.commit(changes.map(change)) }));

/** Makes the changes that `isMade` lets through, and reports the others as made, with version 0. */
async function made(
  good: Ledger,
  changes: readonly LedgerChange[],
  isMade: (one: LedgerChange, record: LedgerRecord | null) => boolean,
): Promise<LedgerCommit> {
  const read = changes.length > 1_000 ? [] : await good.read(changes.map(({ key }) => key));
  const left = changes.filter((one, at) => isMade(one, read[at] ?? null));
  const commit = await good.commit(left);
  if (!commit.ok) return commit;
  return { ok: true, versions: changes.map((one) => commit.versions[left.indexOf(one)] ?? 0) };
}

const isThere = (range: { readonly prefix: string; readonly after?: string }, key: string): boolean =>
  key.startsWith(range.prefix) && key > (range.after ?? "");

const byKey = (a: LedgerRecord, b: LedgerRecord): number => (a.key < b.key ? -1 : 1);

export const ledgerDefects: readonly Defect[] = [
  {
    defect: "records come back in the order of the index",
    seenBy: "records are read in the order of the keys, null for one that is absent",
    plant: ledgers((good) => ({ read: (keys) => good.read([...keys].sort()) })),
  },
  {
    defect: "the column's collation normalises text",
    seenBy: "a value is kept byte for byte, up to 65,536 bytes",
    plant: writes((one) => ({ ...one, value: one.value && one.value.normalize("NFC") })),
  },
  {
    defect: "a key is cut to 255 characters by its column",
    seenBy: "a key has up to 512 characters, and each of them counts",
    plant: ledgers((good) => ({
      read: (keys) => good.read(keys.map((key) => key.slice(0, 255))),
      async commit(changes) {
        const isValid = changes.every(({ key }) => key.length <= 512);
        return good.commit(isValid ? changes.map((one) => ({ ...one, key: one.key.slice(0, 255) })) : changes);
      },
    })),
  },
  {
    defect: "a list shows what is marked as deleted",
    seenBy: "a deleted record is neither read nor listed",
    plant: always(({ ledger }) => {
      const deleted: LedgerRecord[] = [];
      return {
        ledger: {
          ...ledger,
          async commit(changes) {
            const gone = await ledger.read(
              changes.slice(0, 1_000).flatMap(({ key, value }) => (value === null ? [key] : [])),
            );
            deleted.push(...gone.filter((record) => record !== null));
            return ledger.commit(changes);
          },
          async list(range) {
            const all = [...(await ledger.list(range)), ...deleted.filter(({ key }) => isThere(range, key))];
            return all.sort(byKey).slice(0, range.limit);
          },
        },
      };
    }),
  },
  {
    defect: "a delete that finds no row is a conflict",
    seenBy: "a record that is not there may be deleted, and the version of that is 0",
    plant: ledgers((good) => ({
      async commit(changes) {
        const [first, ...more] = changes;
        const isMissing = first?.value === null && more.length === 0 && (await good.read([first.key]))[0] === null;
        return isMissing ? { ok: false, conflicts: [first.key] } : good.commit(changes);
      },
    })),
  },
  {
    defect: "the versions of several changes come in the order of the keys",
    seenBy: "a commit returns the version of each change, as reads show it",
    plant: ledgers((good) => ({
      async commit(changes) {
        const commit = await good.commit(changes);
        if (!commit.ok) return commit;
        const places = [...changes.keys()].sort((a, b) => (String(changes[a]?.key) < String(changes[b]?.key) ? -1 : 1));
        return { ok: true, versions: places.map((at) => commit.versions[at] ?? 0) };
      },
    })),
  },
  {
    defect: "a write of the value that is there is left out",
    seenBy: "each write makes another version, also one of the same value",
    plant: ledgers((good) => ({
      commit: (changes) =>
        made(
          good,
          changes,
          ({ ifVersion, value }, record) => ifVersion !== "any" || value === null || record?.value !== value,
        ),
    })),
  },
  {
    defect: "a version is compared as the least one",
    seenBy: "a change is made on the version that it names, and on no other",
    plant: ledgers((good) => ({
      async commit(changes) {
        const [first, ...more] = changes;
        if (first === undefined || more.length > 0) return good.commit(changes);
        const [record] = await good.read([first.key]);
        const isAhead = typeof first.ifVersion === "number" && record && first.ifVersion > record.version;
        return good.commit(isAhead ? [{ ...first, ifVersion: "any" }] : changes);
      },
    })),
  },
  {
    defect: "an update that finds no row counts as made",
    seenBy: "a change that names a version is refused where there is no record",
    plant: ledgers((good) => ({
      commit: (changes) =>
        made(good, changes, ({ ifVersion, value }, record) => {
          return typeof ifVersion !== "number" || ifVersion < 1 || value === null || record !== null;
        }),
    })),
  },
  {
    defect: "an insert on a key that is there becomes an update",
    seenBy: 'a change that asks for "absent" is refused where there is a record',
    plant: ledgers((good) => ({
      commit: (changes) =>
        good.commit(
          changes.length > 1
            ? changes
            : changes.map((one) => (one.ifVersion === "absent" ? { ...one, ifVersion: "any" } : one)),
        ),
    })),
  },
  {
    defect: "a write without a condition is an update, which a missing row ignores",
    seenBy: 'a change that asks for "any" is made with and without a record',
    plant: ledgers((good) => ({
      commit: (changes) =>
        changes.length > 1
          ? good.commit(changes)
          : made(good, changes, ({ key, ifVersion, value }, record) => {
              return ifVersion !== "any" || value === null || record !== null || key === "";
            }),
    })),
  },
  {
    defect: "the version of a row begins anew when the row was deleted",
    seenBy: "a record that was deleted and written again has a version that it never had",
    plant: () => beginsAnew((_record, change) => change.value === null),
  },
  {
    defect: "changes are made one by one, until one has a conflict",
    seenBy: "a commit with one conflict changes nothing",
    plant: ledgers((good) => ({
      async commit(changes) {
        const commit = await good.commit(changes);
        if (commit.ok || changes.length < 4) return commit;
        const first = changes.findIndex(({ key }) => commit.conflicts.includes(key));
        await good.commit(changes.slice(0, first));
        return commit;
      },
    })),
  },
  {
    defect: "only the first conflict is reported",
    seenBy: "a conflict names every key with another version, in the order of the changes",
    plant: ledgers((good) => ({
      async commit(changes) {
        const commit = await good.commit(changes);
        return commit.ok ? commit : { ok: false, conflicts: commit.conflicts.slice(0, 1) };
      },
    })),
  },
  {
    defect: "a statement takes 500 changes, and the rest is dropped",
    seenBy: "one commit makes 1,000 changes",
    plant: ledgers((good) => ({
      async commit(changes) {
        if (changes.length !== 1_000) return good.commit(changes);
        const commit = await good.commit(changes.slice(0, 500));
        return commit.ok ? { ok: true, versions: [...commit.versions, ...commit.versions] } : commit;
      },
    })),
  },
  {
    defect: "of two changes of one key the last is made",
    seenBy: "a commit that no ledger can make is refused, and changes nothing",
    plant: ledgers((good) => ({
      commit: (changes) => good.commit([...new Map(changes.map((one) => [one.key, one])).values()]),
    })),
  },
  {
    defect: "each connection lists what it has written",
    seenBy: "every connection reads and lists the records of all",
    plant: always(({ ledger }) => {
      const mine = new Set<string>();
      return {
        ledger: {
          ...ledger,
          commit(changes) {
            for (const { key } of changes) mine.add(key);
            return ledger.commit(changes);
          },
          list: async (range) => (await ledger.list(range)).filter(({ key }) => mine.has(key)),
        },
      };
    }),
  },
  {
    defect: "versions are compared in one statement and written in the next",
    seenBy: "two connections that race 100 commits on one key lose none",
    plant: ledgers((good) => ({
      async commit(changes) {
        const [first, ...more] = changes;
        if (more.length > 0 || typeof first?.ifVersion !== "number") return good.commit(changes);
        const [record] = await good.read([first.key]);
        await pause(1);
        const isExpected = record?.version === first.ifVersion;
        return good.commit(isExpected ? [{ ...first, ifVersion: "any" }] : changes);
      },
    })),
  },
  {
    defect: "a list after close is an empty one",
    seenBy: "the ledger of a closed connection rejects BACKEND_CLOSED",
    plant: ledgers((good) => ({
      list: (range) =>
        good.list(range).catch((error: { code: string }) => {
          if (error.code === "BACKEND_CLOSED") return [];
          throw error;
        }),
    })),
  },
  {
    defect: "a watch is called by the writes of its own connection alone",
    seenBy: "a watch is called after another connection has written its key, and no more once it has ended",
    plant: ledgers((good) => {
      const calls = new Map<string, () => void>();
      return {
        async commit(changes) {
          const commit = await good.commit(changes);
          for (const { key } of changes) calls.get(key)?.();
          return commit;
        },
        watch(key, changed) {
          calls.set(key, changed);
          return { isReporting: () => true, end: () => void calls.delete(key) };
        },
      };
    }),
  },
];

/** Versions count up from 1 for each row, and begin anew after a change that `ends` the row. */
export function beginsAnew(ends: (record: LedgerRecord | null, change: LedgerChange) => boolean): Spoil {
  const offsets = new Map<string, number>();
  const firsts = new Map<string, number>();
  const ended = new Set<string>();
  const shown = <R extends LedgerRecord | null>(record: R): R =>
    record && { ...record, version: record.version - (offsets.get(record.key) ?? 0) };

  return ({ ledger }) => ({
    ledger: {
      ...ledger,
      read: async (keys) => (await ledger.read(keys)).map(shown),
      async commit(changes) {
        const [change, ...more] = changes;
        if (change === undefined || more.length > 0) return ledger.commit(changes);
        const { key, ifVersion } = change;
        const [before = null] = await ledger.read([key]).catch(() => []);
        const offset = offsets.get(key) ?? 0;
        const real = typeof ifVersion === "number" && ifVersion > 0 ? ifVersion + offset : ifVersion;
        const commit = await ledger.commit([{ ...change, ifVersion: real }]);
        if (!commit.ok) return commit;
        const version = commit.versions[0] ?? 0;
        if (ended.delete(key)) offsets.set(key, version - (firsts.get(key) ?? version));
        else if (before === null && !firsts.has(key)) firsts.set(key, version);
        if (ends(before, change)) ended.add(key);
        return { ok: true, versions: [version === 0 ? 0 : version - (offsets.get(key) ?? 0)] };
      },
    },
  });
}
