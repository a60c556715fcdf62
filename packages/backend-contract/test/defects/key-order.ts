import { inspectorOf } from "@waybill/core/backend";
import { writes } from "./changes.ts";
import { always, type Defect } from "./planted.ts";
import { leaksAtCancel } from "./with-control.ts";
import { looksLate, withKeys } from "./with-keys.ts";

const order: readonly Defect[] = [
  {
    defect: "the job that came last is the next of its key",
    seenBy: "jobs of a key are leased in the order of their enqueue, those that waited before those that came later",
    plant: () => {
      let priority = 0;
      return writes((message) =>
        message.limitKeys === undefined || message.priority !== 0 ? message : { ...message, priority: priority++ },
      )();
    },
  },
  {
    defect: "those that wait for a key have no priority",
    seenBy: "of the jobs that wait for a key, the one of the highest priority is next",
    plant: writes((message) => (message.limitKeys === undefined ? message : { ...message, priority: 0 })),
  },
  {
    defect: "a delayed job has its slot from its enqueue on",
    seenBy: "a delayed job of a key takes no slot of it",
    plant: always((good) => {
      const { enqueue, leak } = withKeys(good);
      return {
        async enqueue(messages) {
          const results = await enqueue(messages);
          for (const message of messages) if (message.delayMs >= 60_000) await leak(message);
          return results;
        },
      };
    }),
  },
  {
    defect: "a job whose delay ends is not looked at for its key",
    seenBy: "a job whose delay ends while its key is full waits for it",
    plant: writes(({ limitKeys, ...message }) =>
      limitKeys === undefined || message.delayMs > 0 ? message : { ...message, limitKeys },
    ),
  },
  {
    defect: "a retried job has lost its keys",
    seenBy: "a retried job counts under its key again",
    plant: always((good) => {
      const { keysOf, enqueue } = withKeys(good);
      return {
        enqueue,
        async retry(lease, request) {
          if (keysOf(lease) === undefined || request.delayMs > 0) return good.retry(lease, request);
          await good.ack([lease]);
          await good.enqueue([{ ...lease, delayMs: 0 }]);
        },
      };
    }),
  },
  {
    defect: "a replayed dead letter has lost its keys",
    seenBy: "a replayed dead letter counts under its key again",
    plant: always((good) => {
      const { keysOf, enqueue } = withKeys(good);
      return {
        enqueue,
        inspector: {
          ...good.inspector,
          async replay(query) {
            const found = await good.inspector.deadLetters(query);
            if (!found.some(keysOf)) return good.inspector.replay(query);
            await good.inspector.drop(query);
            const rest = { delayMs: 0, priority: 0, tenant: null, signature: null };
            await good.enqueue(found.map(({ id, type, queue, body }) => ({ id, type, queue, body, ...rest })));
            return found.length;
          },
        },
      };
    }),
  },
  {
    defect: "a cancelled job that was to start keeps the slot of its key",
    seenBy: "a cancel of the next job of a key lets the one behind it start",
    plant: leaksAtCancel("ready"),
  },
  {
    defect: "jobs that wait for a key are in no count",
    seenBy: "jobs that wait for a key are counted as ready",
    plant: always((good) => {
      const { keysOf, enqueue } = withKeys(good);
      let isKeyed = false;
      return {
        enqueue(messages) {
          const results = enqueue(messages);
          isKeyed ||= messages.some((message) => keysOf(message));
          return results;
        },
        inspector: {
          ...inspectorOf(good),
          ...good.inspector,
          counts: async (named) =>
            (await good.inspector.counts(named)).map((count) => (isKeyed ? { ...count, ready: 0 } : count)),
        },
      };
    }),
  },
];

const queues: readonly Defect[] = [
  {
    defect: "the number of a queue is the limit of each call",
    seenBy: "no more jobs of a queue are leased than its number, over all calls",
    plant: always((good) => ({
      lease({ queueConcurrency, ...request }) {
        if (queueConcurrency === undefined || queueConcurrency === 1)
          return good.lease({ ...request, ...(queueConcurrency && { queueConcurrency }) });
        return good.lease({ ...request, limit: Math.min(request.limit, queueConcurrency) });
      },
    })),
  },
  {
    defect: "a call that waits for a slot of its queue polls",
    seenBy: "the end of a lease wakes a call that waits for a slot of its queue",
    plant: looksLate(({ queueConcurrency }) => queueConcurrency === 1),
  },
  {
    defect: "excluded types are released by whoever leases them",
    seenBy: "jobs of excluded types stay where they are until a call takes them",
    plant: always((good) => ({
      async lease({ excludeTypes, ...request }) {
        if (excludeTypes === undefined || request.concurrency !== undefined)
          return good.lease({ ...request, ...(excludeTypes && { excludeTypes }) });
        const found = await good.lease(request);
        const out = found.filter(({ type }) => excludeTypes.includes(type));
        for (const lease of out) await good.retry(lease, { delayMs: 0, countsAttempt: false });
        return found.filter((lease) => !out.includes(lease));
      },
    })),
  },
  {
    defect: "the end of a lease makes one job ready, though it is of an excluded type",
    seenBy: "a job of an excluded type does not hold back others of its key",
    plant: always((good) => {
      const { enqueue, leak } = withKeys(good);
      let excludes = false;
      return {
        enqueue,
        lease(request) {
          excludes ||= request.excludeTypes !== undefined && request.concurrency !== undefined;
          return good.lease(request);
        },
        async ack(leases) {
          if (excludes) for (const lease of leases) await leak(lease);
          return good.ack(leases);
        },
      };
    }),
  },
];

export const keyOrderDefects: readonly Defect[] = [...order, ...queues];
