import type { Lease, Message } from "@waybill/core/backend";
import { always, type Defect, LATE_MS, type Spoil } from "./planted.ts";
import { looksLate, withKeys } from "./with-keys.ts";

/** After `verb` of a lease that `isConcerned`, its slots stay taken. */
const leaks = (verb: "retry" | "deadLetter", isConcerned: (request: unknown) => boolean): (() => Spoil) =>
  always((good) => {
    const { enqueue, leak } = withKeys(good);
    return {
      enqueue,
      async [verb](lease: Lease, request: never) {
        if (isConcerned(request)) await leak(lease);
        await good[verb](lease, request);
      },
    };
  });

interface Retry {
  readonly delayMs: number;
  readonly countsAttempt: boolean;
}

export const keyEndDefects: readonly Defect[] = [
  {
    defect: "a counted retry with a delay leaves its slot taken",
    seenBy: "a counted retry lets the next job of the key start",
    plant: leaks("retry", (request) => (request as Retry).countsAttempt && (request as Retry).delayMs > 0),
  },
  {
    defect: "a release leaves its slot taken",
    seenBy: "a release lets the next job of the key start",
    plant: leaks("retry", (request) => !(request as Retry).countsAttempt),
  },
  {
    defect: "a dead letter leaves its slot taken while another job waits for it",
    seenBy: "a dead letter lets the next job of the key start",
    plant: always((good) => {
      const { enqueue, leak } = withKeys(good);
      let enqueued = 0;
      return {
        enqueue(messages) {
          enqueued += messages.length;
          return enqueue(messages);
        },
        async deadLetter(lease, reason) {
          if (enqueued > 1) await leak(lease);
          await good.deadLetter(lease, reason);
        },
      };
    }),
  },
  {
    defect: "an ack frees the key of its first job",
    seenBy: "every job of an ack lets the next one of its key start",
    plant: always((good) => {
      const { enqueue, leak } = withKeys(good);
      return {
        enqueue,
        async ack(leases) {
          for (const lease of leases.slice(1)) await leak(lease);
          return good.ack(leases);
        },
      };
    }),
  },
  {
    defect: "a free slot is given to the queue whose job came first",
    seenBy: "the end of a lease lets the next job of its key start in each queue, whichever is leased from first",
    plant: always((good) => {
      let waiting: Message[] = [];
      return {
        enqueue(messages) {
          waiting.push(...messages.filter(({ limitKeys }) => limitKeys !== undefined));
          return good.enqueue(messages);
        },
        async lease(request) {
          if ((waiting[0]?.queue ?? request.queue) !== request.queue) return [];
          const found = await good.lease(request);
          waiting = waiting.filter((one) => found.every(({ id }) => id !== one.id));
          return found;
        },
      };
    }),
  },
  {
    defect: "a lease that runs out leaves its slot taken",
    seenBy: "the end of a lease that was not settled frees its key",
    plant: always((good) => {
      const { enqueue, leak } = withKeys(good);
      return {
        enqueue,
        async lease(request) {
          const found = await good.lease(request);
          if (request.leaseMs < 60_000) for (const lease of found) await leak(lease);
          return found;
        },
      };
    }),
  },
  {
    defect: "a job that moves from one line to another takes the slot of the first with it",
    seenBy: "a job that finds its second key full lets another of its first key start",
    plant: always((good) => {
      const { keysOf, enqueue, leak } = withKeys(good);
      const unsettled = new Map<string, Message>();
      return {
        enqueue(messages) {
          for (const message of messages) unsettled.set(message.id, message);
          return enqueue(messages);
        },
        async ack(leases) {
          for (const lease of leases) unsettled.delete(lease.id);
          const waiting = [...unsettled.values()].map(({ limitKeys }) => Object.keys(limitKeys ?? {}));
          const isMoved = waiting.some((names) => names.length > 1);
          const api = leases.find((lease) => keysOf(lease)?.["api"] !== undefined);
          if (isMoved && api && waiting.some(([name, ...more]) => name === "api" && more.length === 0)) await leak(api);
          return good.ack(leases);
        },
      };
    }),
  },
  {
    defect: "a call that waits for a key polls",
    seenBy: "the end of a lease wakes a call that waits for its key",
    plant: () => {
      let connections = 0;
      return (good, connection) => {
        connections = Math.max(connections, connection);
        return looksLate(({ concurrency }) => concurrency !== undefined && connections === 0)()(good, connection);
      };
    },
  },
  {
    defect: "the end of a lease is announced within one process only",
    seenBy: "the end of a lease on another connection wakes a call that waits for its key",
    plant: always((good, connection) => {
      if (connection === 0) return {};
      return {
        async ack(leases) {
          const ghost = withKeys(good);
          const { signal } = new AbortController();
          const id = crypto.randomUUID();
          // All leases of the rule have this key.
          const [lease] = leases;
          if (lease === undefined) return [];
          await ghost.enqueue([{ ...lease, id, queue: id, delayMs: 0, limitKeys: { sync: "acme" } }]);
          await good.lease({ queue: id, limit: 1, leaseMs: LATE_MS, waitMs: 0, signal });
          return good.ack(leases);
        },
      };
    }),
  },
];
