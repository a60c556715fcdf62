import type { LedgerChange, LedgerRecord } from "@waybill/core/backend";
import { beginsAnew, ledgers } from "./ledger.ts";
import { always, type Defect, type Spoil } from "./planted.ts";

/** Whether a key matches `prefix` as SQL's LIKE has it: `_` is any character, `%` any text, and case does not count. */
function isLike(key: string, prefix: string): boolean {
  const pattern = prefix.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${pattern.replaceAll("_", ".").replaceAll("%", ".*")}`, "i").test(key);
}

const isDue = ({ dueInMs }: LedgerRecord): boolean => dueInMs !== null && dueInMs <= 0;
const byTime = (a: LedgerRecord, b: LedgerRecord): number => (a.dueInMs ?? 0) - (b.dueInMs ?? 0);

/** A change that leaves a time out keeps the one that the row had. */
const keeps = (name: "dueInMs" | "expiresInMs"): (() => Spoil) =>
  always(({ ledger }) => {
    const had = new Map<string, number>();
    const keep = (change: LedgerChange): LedgerChange => {
      const before = had.get(change.key);
      if (change.value === null || change[name] !== undefined || before === undefined) return change;
      return { ...change, [name]: before };
    };
    return {
      ledger: {
        ...ledger,
        async commit(changes) {
          const commit = await ledger.commit(changes.length > 1 ? changes.map(keep) : changes);
          for (const change of changes) if (change[name] !== undefined) had.set(change.key, change[name]);
          return commit;
        },
      },
    };
  });

export const ledgerRangeDefects: readonly Defect[] = [
  {
    defect: "keys are compared by the collation of the database",
    seenBy: "records are listed by the bytes of their keys",
    plant: ledgers((good) => ({
      list: async (range) => (await good.list(range)).sort((a, b) => a.key.localeCompare(b.key, "en")),
    })),
  },
  {
    defect: "a list looks for its prefix by LIKE",
    seenBy: "a list has the records whose key begins with the prefix, to the letter",
    plant: ledgers((good) => ({
      async list(range) {
        if (!/[_%]/.test(range.prefix)) return good.list(range);
        const all = await good.list({ prefix: "", limit: 1_000 });
        return all.filter(({ key }) => isLike(key, range.prefix)).slice(0, range.limit);
      },
    })),
  },
  {
    defect: "what is due is looked for by LIKE",
    seenBy: "records under a prefix are due, to the letter",
    plant: ledgers((good) => ({
      async due(range) {
        if (!/[_%]/.test(range.prefix)) return good.due(range);
        const all = await good.due({ prefix: "", limit: 1_000 });
        return all.filter(({ key }) => isLike(key, range.prefix)).slice(0, range.limit);
      },
    })),
  },
  {
    defect: "the limit of a list is ignored",
    seenBy: "a list has no more records than its limit",
    plant: ledgers((good) => ({
      list: (range) => good.list(range.limit > 0 ? { ...range, limit: 1_000 } : range),
    })),
  },
  {
    defect: "a page begins after as many records as were listed before",
    seenBy: "pages miss no record that stays, and repeat none, while others are written and deleted",
    plant: ledgers((good) => {
      let listed = 0;
      return {
        async list(range) {
          if (range.after === undefined) {
            const first = await good.list(range);
            listed = first.length;
            return first;
          }
          const all = await good.list({ prefix: range.prefix, limit: 1_000 });
          const page = all.slice(listed, listed + range.limit);
          listed += page.length;
          return page;
        },
      };
    }),
  },
  {
    defect: "what will be due is due",
    seenBy: "a record is due once its time has passed, and not before",
    plant: ledgers((good) => ({
      async due(range) {
        const all = (await good.list({ prefix: range.prefix, limit: 1_000 })).filter(({ dueInMs }) => dueInMs !== null);
        const isSoon = ({ dueInMs }: LedgerRecord): boolean => dueInMs !== null && dueInMs < 1_000;
        return range.limit > 1_000 ? good.due(range) : all.filter(isSoon).sort(byTime).slice(0, range.limit);
      },
    })),
  },
  {
    defect: "no time is as good as the first of January 1970",
    seenBy: "a record without a due time is never due, and its dueInMs is null",
    plant: ledgers((good) => ({
      async due(range) {
        const due = await good.due(range);
        const [first] = await good.list({ prefix: range.prefix, limit: 1_000 });
        const isBare = first?.value === "" && first.dueInMs === null && due.length === 0;
        return isBare ? [first] : due;
      },
    })),
  },
  {
    defect: "a write without a due time leaves the column as it is",
    seenBy: "a record that is written again is due by its new time alone",
    plant: keeps("dueInMs"),
  },
  {
    defect: "what is due comes by key",
    seenBy: "what is due longest comes first, and what is due since the same moment comes by key",
    plant: ledgers((good) => ({
      due: async (range) => (await good.due(range)).sort((a, b) => (a.key < b.key ? -1 : 1)),
    })),
  },
  {
    defect: "the limit is applied before what is due is put in order",
    seenBy: "of many records, those that are due longest are returned up to the limit",
    plant: ledgers((good) => ({
      async due(range) {
        if (range.limit !== 2) return good.due(range);
        const all = await good.list({ prefix: range.prefix, limit: 1_000 });
        return all.filter(isDue).slice(0, range.limit).sort(byTime);
      },
    })),
  },
  {
    defect: "dueInMs is in seconds",
    seenBy: "dueInMs is how long it takes until the record is due, and below 0 once it is",
    plant: ledgers((good) => ({
      read: async (keys) =>
        (await good.read(keys)).map((record) =>
          record === null || record.dueInMs === null ? record : { ...record, dueInMs: record.dueInMs / 1_000 },
        ),
    })),
  },
  {
    defect: "what has expired is due until it is swept",
    seenBy: "a record is there until it expires, and then neither read, listed nor due",
    plant: always(({ ledger }) => {
      const due: LedgerRecord[] = [];
      return {
        ledger: {
          ...ledger,
          commit(changes) {
            for (const { key, value, dueInMs, expiresInMs } of changes) {
              if (dueInMs !== undefined && expiresInMs !== undefined && expiresInMs > 0) {
                due.push({ key, value: value ?? "", version: 1, dueInMs: 0 });
              }
            }
            return ledger.commit(changes);
          },
          due: async (range) => [...(await ledger.due(range)), ...due],
        },
      };
    }),
  },
  {
    defect: "the version of a row begins anew when the row had expired",
    seenBy: "the key of an expired record is absent, and its next record has another version",
    plant: () => beginsAnew((_record, change) => change.expiresInMs !== undefined),
  },
  {
    defect: "a write without an expiry leaves the column as it is",
    seenBy: "a record that is written again expires by its new time alone",
    plant: keeps("expiresInMs"),
  },
];
