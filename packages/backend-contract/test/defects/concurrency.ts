import type { Message } from "@waybill/core/backend";
import { writes } from "./changes.ts";
import { always, type Defect, type Spoil } from "./planted.ts";
import { type Keys, withKeys } from "./with-keys.ts";

/** Changes the keys of every message that has some. */
const rekeys = (change: (keys: Keys, message: Message) => Keys): (() => Spoil) =>
  writes((message) =>
    message.limitKeys === undefined ? message : { ...message, limitKeys: change(message.limitKeys, message) },
  );

export const concurrencyDefects: readonly Defect[] = [
  {
    defect: "a limit counts by its name, whatever the key",
    seenBy: "a job whose key is full stays, and a job of another key is leased",
    plant: rekeys((keys) => Object.fromEntries(Object.keys(keys).map((name) => [name, "any"]))),
  },
  {
    defect: "a job without a key has the empty one",
    seenBy: "jobs without a key are leased beside any number of others",
    plant: writes((message) => ({ ...message, limitKeys: message.limitKeys ?? { sync: "" } })),
  },
  {
    defect: "what is leased is counted before the call, and not within it",
    seenBy: "one call leases no more jobs of a key than the number, and later calls none beside them",
    plant: always((good) => ({
      lease({ concurrency, ...request }) {
        if (concurrency === undefined || request.limit === 1)
          return good.lease({ ...request, ...(concurrency && { concurrency }) });
        const more = Object.entries(concurrency).map(([name, most]): [string, number] => [name, most + 1]);
        return good.lease({ ...request, concurrency: Object.fromEntries(more) });
      },
    })),
  },
  {
    defect: "each connection counts its own leases",
    seenBy: "a key counts over every connection",
    plant: always((good, connection) => ({
      lease: ({ concurrency, ...request }) =>
        good.lease({ ...request, ...(concurrency && connection === 0 && { concurrency }) }),
    })),
  },
  {
    defect: "each queue counts its own leases",
    seenBy: "a key counts over all queues, and the end of its lease lets a job of another queue start",
    plant: rekeys((keys, { queue }) =>
      Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, `${queue}/${key}`])),
    ),
  },
  {
    defect: "a limit without a number is 1",
    seenBy: "a limit that the call does not name is not enforced",
    plant: always((good) => ({
      lease: (request) =>
        good.lease(request.concurrency ? { ...request, concurrency: { sync: 1, ...request.concurrency } } : request),
    })),
  },
  {
    defect: "a lease counts only if its call named the limit",
    seenBy: "a lease counts under its keys although its call named no limit",
    plant: always((good) => {
      const { keysOf, enqueue } = withKeys(good);
      let uncounted = 0;
      return {
        enqueue,
        async lease({ concurrency, ...request }) {
          if (concurrency === undefined) {
            const found = await good.lease(request);
            uncounted += found.filter(keysOf).length;
            return found;
          }
          const more = Object.entries(concurrency).map(([name, most]): [string, number] => [name, most + uncounted]);
          return good.lease({ ...request, concurrency: Object.fromEntries(more) });
        },
      };
    }),
  },
  {
    defect: "the first number of a limit is kept",
    seenBy: "the number of the last call counts, raised or lowered",
    plant: always((good) => {
      let first: Readonly<Record<string, number>> = {};
      return {
        lease(request) {
          if (request.concurrency === undefined) return good.lease(request);
          first = { ...request.concurrency, ...first };
          const kept = Object.keys(request.concurrency).map((name): [string, number] => [name, first[name] ?? 1]);
          return good.lease({ ...request, concurrency: Object.fromEntries(kept) });
        },
      };
    }),
  },
  {
    defect: "of several keys of a job the last is kept",
    seenBy: "a job with keys of two limits starts when neither is full",
    plant: rekeys((keys) => Object.fromEntries(Object.entries(keys).slice(-1))),
  },
];
