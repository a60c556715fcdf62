import type { RecordChange, RecordRange, RecordStore, StoredRecord } from "@waybill/core/backend";
import { always, type Defect, type Spoil } from "./planted.ts";

/** Replaces part of each record store. What `spoil` remembers belongs to one call of `recordStore`. */
const stores = (spoil: (good: RecordStore) => Partial<RecordStore>): (() => Spoil) =>
  always(({ recordStore }) => ({
    recordStore(scope) {
      const good = recordStore(scope);
      return { ...good, ...spoil(good) };
    },
  }));

/** Changes each change on its way in. */
const writes = (change: (one: RecordChange) => RecordChange): (() => Spoil) =>
  stores((good) => ({ write: (changes) => good.write(changes.map(change)) }));

/** Changes each record that is read by its id. */
const reads = (change: (one: StoredRecord) => StoredRecord): (() => Spoil) =>
  stores((good) => ({
    async get(id) {
      const found = await good.get(id);
      return found && change(found);
    },
  }));

/** Finds by another range, and keeps the records for which `isFound` holds. */
const finds = (
  change: (range: RecordRange) => RecordRange,
  isFound: (record: StoredRecord, range: RecordRange) => boolean = () => true,
): (() => Spoil) =>
  stores((good) => ({
    async find(range) {
      const page = await good.find(change(range));
      return { ...page, records: page.records.filter((record) => isFound(record, range)) };
    },
  }));

/** The column of a filter has a collation that ignores case. */
const withoutCase = (name: "type" | "queue" | "tenant" | "code"): Defect => ({
  defect: `records are found by ${name} whatever its case`,
  seenBy: `records are found by ${name}, letter by letter`,
  plant: finds(
    (range) => ({ ...range, [name]: undefined }),
    (record, range) => range[name] === undefined || record[name]?.toLowerCase() === range[name].toLowerCase(),
  ),
});

const writing: readonly Defect[] = [
  {
    defect: "the queue of a record is not stored",
    seenBy: "a record is what was written, and null for a job that has none",
    plant: reads((one) => ({ ...one, queue: "default" })),
  },
  {
    defect: "payloads are stored with other line ends",
    seenBy: "any text of a record is kept, also quotes, emoji and 8 KB of a stack",
    plant: writes((one) => ({ ...one, payload: one.payload && one.payload.replaceAll("\u2028", "\n") })),
  },
  {
    defect: "the time of the enqueue is that of the last change",
    seenBy: "what is known of a job is that of the first change that has it",
    plant() {
      const times = new Map<string, number>();
      return ({ recordStore }) => ({
        recordStore(scope) {
          const good = recordStore(scope);
          return {
            ...good,
            async write(changes) {
              for (const { id, enqueuedAt } of changes) times.set(id, enqueuedAt);
              await good.write(changes);
            },
            async get(id) {
              const found = await good.get(id);
              return found && { ...found, enqueuedAt: times.get(id) ?? found.enqueuedAt };
            },
          };
        },
      });
    },
  },
  {
    defect: "the start of the last run is forgotten when the job completes",
    seenBy:
      "of two states the one of the higher rank stays, and of the same rank the later, in whatever order they arrive",
    plant: reads((one) => (one.state === "completed" ? { ...one, startedAt: null } : one)),
  },
  {
    defect: "the rank alone decides on the state",
    seenBy: "a state replaces those that began before the time it names, whatever their rank",
    plant: writes((one) => ({ ...one, replaces: 0 })),
  },
  {
    defect: "an item is stored once and never replaced",
    seenBy: "items of a change replace those of the same name, and the others stay",
    plant: stores((good) => ({
      async write(changes) {
        const before = await Promise.all(changes.map(({ id }) => good.get(id)));
        await good.write(changes.map((one, at) => ({ ...one, items: { ...one.items, ...before[at]?.items } })));
      },
    })),
  },
  {
    defect: "a statement takes 999 changes, and the rest of a call is lost",
    seenBy: "a thousand changes are written by one call",
    plant: stores((good) => ({ write: (changes) => good.write(changes.slice(0, 999)) })),
  },
  {
    defect: "the changes of a second connection are lost",
    seenBy: "two connections may write the same jobs at the same time, and each change is merged",
    plant:
      () =>
      ({ recordStore }, connection) => ({
        recordStore(scope) {
          const good = recordStore(scope);
          return connection === 0 ? good : { ...good, write: async () => undefined };
        },
      }),
  },
  {
    defect: "all scopes share one table",
    seenBy: "records of one scope are apart from those of another",
    plant: always(({ recordStore }) => ({ recordStore: () => recordStore("") })),
  },
];

const finding: readonly Defect[] = [
  ...(["type", "queue", "tenant", "code"] as const).map(withoutCase),
  {
    defect: "the index keeps the entry of the state before",
    seenBy: "records are found by the state that they have now, and no more by the one before",
    plant: finds((range) => (range.state === "waiting" ? { ...range, state: undefined } : range)),
  },
  {
    defect: "until is part of the range",
    seenBy: "records are found by time: since is part of the range, until is not",
    plant: finds((range) => ({ ...range, until: range.until && range.until + 1 })),
  },
  {
    defect: "the queue is not looked at when a type is given",
    seenBy: "a record is found only if it passes every filter",
    plant: finds((range) => (range.type === undefined ? range : { ...range, queue: undefined })),
  },
  {
    defect: "text is compared letter by letter",
    seenBy: "text is found within payload and message, in upper and lower case, and has no wildcards",
    plant: finds(
      (range) => range,
      ({ payload, message }, { text = "" }) => text === "" || [payload, message].some((value) => value?.includes(text)),
    ),
  },
  {
    defect: "the last page says that another follows",
    seenBy: "pages have each record once, those enqueued last first, and the last page has no next",
    plant: stores((good) => ({
      async find(range) {
        const page = await good.find(range);
        return { ...page, next: page.next ?? (page.records.length > 0 ? "0.0" : null) };
      },
    })),
  },
  {
    defect: "asOf is when the page was read",
    seenBy: "asOf is when the newest change was made, and null before the first",
    plant: stores((good) => ({ find: async (range) => ({ ...(await good.find(range)), asOf: Date.now() }) })),
  },
];

const pruning: readonly Defect[] = [
  {
    defect: "a record of the very moment is pruned as well",
    seenBy: "records are pruned by the time of their enqueue, and no others",
    plant: stores((good) => ({
      prune: (asked) => good.prune({ ...asked, before: asked.before && asked.before + 1 }),
    })),
  },
  {
    defect: "one record more than allowed stays",
    seenBy: "records are pruned by their number, those enqueued first",
    plant: stores((good) => ({
      prune: (asked) => good.prune({ ...asked, most: asked.before === null ? (asked.most ?? 0) + 1 : asked.most }),
    })),
  },
  {
    defect: "all that is too old is pruned by one statement",
    seenBy: "one call prunes at most its limit",
    plant: stores((good) => ({ prune: (asked) => good.prune({ ...asked, limit: 1_000 }) })),
  },
];

export const recordDefects: readonly Defect[] = [...writing, ...finding, ...pruning];
