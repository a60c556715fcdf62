import type { Result } from "@waybill/core";
import type { InspectableBackend, Lease, Message } from "@waybill/core/backend";
import { WaybillError } from "@waybill/core";
import { always, type Spoil } from "./planted.ts";

/** Every message is changed on its way in. */
export const writes = (change: (message: Message, good: InspectableBackend) => Message): (() => Spoil) =>
  always((good) => ({ enqueue: (messages) => good.enqueue(messages.map((message) => change(message, good))) }));

/** Changes every lease that is returned. */
export const reads = (change: (lease: Lease) => Partial<Lease>): (() => Spoil) =>
  always((good) => ({
    lease: async (request) => (await good.lease(request)).map((lease) => ({ ...lease, ...change(lease) })),
  }));

/** Stored under another priority than the one reported, so that only the order is wrong. `call` counts from 1. */
export const ranks = (rankOf: (priority: number, call: number) => number): (() => Spoil) =>
  always((good) => {
    const asked = new Map<string, number>();
    let call = 0;
    return {
      enqueue(messages) {
        for (const { id, priority } of messages) asked.set(id, priority);
        call += 1;
        return good.enqueue(
          messages.map((one) => (one.limitKeys ? one : { ...one, priority: rankOf(one.priority, call) })),
        );
      },
      lease: async (request) =>
        (await good.lease(request)).map((lease) => ({ ...lease, priority: asked.get(lease.id) ?? lease.priority })),
    };
  });

const COPY = "#copy";

/** Lets a spoiled backend hold a second copy of a message, which the caller sees under the first one's id. */
export function copies(
  good: InspectableBackend,
): { store(message: Message): Promise<unknown> } & Pick<InspectableBackend, "lease"> {
  return {
    store: (message) => good.enqueue([{ ...message, id: `${message.id}${COPY}` }]),
    lease: async (request) =>
      (await good.lease(request)).map((lease) => ({ ...lease, id: lease.id.replace(COPY, "") })),
  };
}

/** How many calls wait on this connection right now. */
export function watched(good: InspectableBackend): { waiting(): number } & Pick<InspectableBackend, "lease"> {
  let waiting = 0;
  return {
    waiting: () => waiting,
    async lease(request) {
      waiting += 1;
      try {
        return await good.lease(request);
      } finally {
        waiting -= 1;
      }
    },
  };
}

export const refused = (id: string): Result<never> => ({
  ok: false,
  error: new WaybillError("CAPABILITY_MISSING", `job "${id}" was refused`),
});

export const lost = (id: string): Result<never> => ({
  ok: false,
  error: new WaybillError("LEASE_LOST", `the lease on job "${id}" was lost`),
});
