import type { InspectableBackend, Lease } from "@waybill/core/backend";
import { lost } from "./changes.ts";
import { always, type Defect, LATE_MS, pause } from "./planted.ts";

export const closingDefects: readonly Defect[] = [
  {
    defect: "the second close finds the socket gone and rejects",
    seenBy: "close may be called again, during the first call and after it",
    plant: always((good) => {
      let closed = false;
      return {
        async close() {
          if (closed) throw new Error("the connection is closed already");
          closed = true;
          return good.close();
        },
      };
    }),
  },
  {
    defect: "close lets a waiting call wait on",
    seenBy: "close ends a waiting lease call with nothing, at once",
    plant: always((good) => {
      let closed = false;
      return {
        async lease(request) {
          const wasClosed = closed;
          const found = await good.lease(request);
          if (closed && !wasClosed) await pause(LATE_MS);
          return found;
        },
        close() {
          closed = true;
          return good.close();
        },
      };
    }),
  },
  {
    defect: "an ack after close is refused as if the lease had been lost",
    seenBy: "every verb rejects BACKEND_CLOSED after close",
    plant: always((good) => {
      let closed = false;
      return {
        ack: async (leases) => (closed ? leases.map(({ id }) => lost(id)) : good.ack(leases)),
        close() {
          closed = true;
          return good.close();
        },
      };
    }),
  },
  {
    defect: "what is ready when the connection closes was still in its buffer",
    seenBy: "what was enqueued is there after close",
    plant: always((good) => {
      const queues = new Set<string>();
      return {
        enqueue(messages) {
          for (const { queue } of messages) queues.add(queue);
          return good.enqueue(messages);
        },
        async close() {
          const { signal } = new AbortController();
          for (const queue of queues) {
            await good.ack(await good.lease({ queue, limit: 1_000, leaseMs: 60_000, waitMs: 0, signal }));
          }
          return good.close();
        },
      };
    }),
  },
  {
    defect: "close settles what is still leased, to leave nothing behind",
    seenBy: "what was leased when a connection closed is delivered again",
    plant: always((good) => {
      const leased: Lease[] = [];
      return {
        async lease(request) {
          const found = await good.lease(request);
          leased.push(...found);
          return found;
        },
        async close() {
          if (leased.length > 0) await good.ack(leased.splice(0));
          return good.close();
        },
      };
    }),
  },
  {
    defect: "connections share a client, and the first close closes it",
    seenBy: "closing one connection disturbs no other",
    plant: () => {
      const sharing: InspectableBackend[] = [];
      return (good) => {
        sharing.push(good);
        return {
          async close() {
            await Promise.all(sharing.map((backend) => backend.close()));
          },
        };
      };
    },
  },
];
