import type { Lease } from "@waybill/core/backend";
import { reads, watched, writes } from "./changes.ts";
import { always, type Defect, LATE_MS, pause } from "./planted.ts";

const labelling: readonly Defect[] = [
  {
    defect: "the tenant is written into a key, and encoded for it",
    seenBy: "id, type, queue and tenant arrive on the lease",
    plant: reads(({ tenant }) => ({ tenant: tenant === null ? null : encodeURIComponent(tenant) })),
  },
  {
    defect: "the priority is used for the order and then forgotten",
    seenBy: "the priority asked for arrives on the lease",
    plant: reads(() => ({ priority: 0 })),
  },
  {
    defect: "of several signatures the first is kept",
    seenBy: "a signature travels beside the body to the letter",
    plant: reads(({ signature }) => ({
      signature: signature && { ...signature, value: signature.value.split(" ")[0] ?? "" },
    })),
  },
  {
    defect: "a header that is absent is read as empty text",
    seenBy: "an absent tenant and an absent signature arrive as null",
    plant: reads(({ tenant }) => ({ tenant: tenant ?? "" })),
  },
  {
    defect: "failures are reported where the attempt is asked for",
    seenBy: "a first delivery is attempt 1, with nothing lost and nothing released",
    plant: always((good) => {
      const seen = new Set<string>();
      return {
        lease: async (request) =>
          (await good.lease(request)).map((lease) => {
            if (seen.has(lease.id)) return lease;
            seen.add(lease.id);
            return { ...lease, attempt: 0 };
          }),
      };
    }),
  },
  {
    defect: "expiresAt is in seconds",
    seenBy: "expiresAt is the lease's length from now, in Unix milliseconds",
    plant: reads(({ expiresAt }) => ({ expiresAt: expiresAt && expiresAt / 1_000 })),
  },
  {
    defect: "a lease without an end is given one that has passed",
    seenBy: "where a lease lasts as long as the connection, expiresAt is null or lies ahead",
    profile: "limited like AMQP",
    plant: reads(() => ({ expiresAt: Date.now() - 1 })),
  },
];

const sharing: readonly Defect[] = [
  {
    defect: "the limit is inclusive",
    seenBy: "a call never returns more than its limit, and leaves the rest for the next",
    plant: always((good) => ({
      lease: (request) => good.lease({ ...request, limit: request.limit > 1 ? request.limit + 1 : 1 }),
    })),
  },
  {
    defect: "a call waits until it has all it asked for",
    seenBy: "a call returns what is there without waiting for its limit to fill",
    plant: always((good) => ({
      async lease(request) {
        const end = performance.now() + request.waitMs;
        const found = await good.lease(request);
        while (found.length > 0 && found.length < request.limit && performance.now() < end) {
          const more = { limit: request.limit - found.length, waitMs: end - performance.now() };
          found.push(...(await good.lease({ ...request, ...more })));
        }
        return found;
      },
    })),
  },
  {
    defect: "calls made at the same time share one query and its rows",
    seenBy: "a message is leased to one of 20 concurrent takers",
    plant: always((good) => {
      let query: Promise<Lease[]> | null = null;
      return {
        async lease(request) {
          query ??= good.lease({ ...request, waitMs: 0 }).then(async (rows) => {
            await pause(0);
            query = null;
            return rows;
          });
          const rows = await query;
          return rows.length > 0 ? rows : good.lease(request);
        },
      };
    }),
  },
  {
    defect: "each connection keeps the list of what is leased for itself",
    seenBy: "a message leased through one connection is not delivered through another",
    plant: () => {
      const elsewhere: Lease[] = [];
      return (good, connection) => ({
        async lease(request) {
          const found = await good.lease(request);
          if (request.concurrency !== undefined) return found;
          if (connection > 0) return found.length > 0 ? found : elsewhere.splice(0);
          elsewhere.push(...found);
          return found;
        },
      });
    },
  },
  {
    defect: "a queue is read by its prefix",
    seenBy: "a queue delivers its own messages only",
    plant: always((good) => ({
      async lease(request) {
        const own = await good.lease({ ...request, waitMs: 0 });
        if (own.length > 0) return own;
        const other = await good.lease({ ...request, queue: `${request.queue}-other`, waitMs: 0 });
        return other.length > 0 ? other : good.lease(request);
      },
    })),
  },
  {
    defect: "names of queues are cut to 58 characters",
    seenBy: "thirty queues with long and similar names stay thirty queues",
    plant: always((good) => ({
      enqueue: (messages) => good.enqueue(messages.map((one) => ({ ...one, queue: one.queue.slice(0, 58) }))),
      lease: (request) => good.lease({ ...request, queue: request.queue.slice(0, 58) }),
    })),
  },
];

/** A promise of leases and what resolves it. */
function given(): { promise: Promise<Lease[]>; resolve: (found: Lease[]) => void } {
  let resolve: (found: Lease[]) => void = () => {};
  const promise = new Promise<Lease[]>((take) => (resolve = take));
  return { promise, resolve };
}

const waking: readonly Defect[] = [
  {
    defect: "a wait of 0 means: until something comes",
    seenBy: "waitMs 0 looks once and returns at once",
    plant: always((good) => ({ lease: (request) => good.lease({ ...request, waitMs: request.waitMs || LATE_MS }) })),
  },
  {
    defect: "a wait is cut in half",
    seenBy: "a call that finds nothing waits for waitMs, no shorter and no longer",
    plant: always((good) => ({ lease: (request) => good.lease({ ...request, waitMs: request.waitMs / 2 }) })),
  },
  {
    defect: "a single waiting call polls, and is not notified of arrivals",
    seenBy: "an arriving message wakes a waiting call",
    plant: always((good) => {
      const { waiting, lease } = watched(good);
      return {
        lease,
        enqueue: (messages) =>
          good.enqueue(
            messages.map((one) => (waiting() === 1 && one.delayMs === 0 ? { ...one, delayMs: LATE_MS } : one)),
          ),
      };
    }),
  },
  {
    defect: "arrivals are announced within one process only",
    seenBy: "a message enqueued through another connection wakes a waiting call",
    plant: () => (good, connection) =>
      connection === 0
        ? {}
        : { enqueue: (messages) => good.enqueue(messages.map((message) => ({ ...message, delayMs: LATE_MS }))) },
  },
  {
    defect: "a waiting call looks for delayed messages only when it begins",
    seenBy: "the end of a delay wakes a waiting call",
    plant: always((good) => {
      const { waiting, lease } = watched(good);
      const late = (delayMs: number): number => (waiting() > 0 && delayMs > 0 ? delayMs + LATE_MS : delayMs);
      return {
        lease,
        enqueue: (messages) => good.enqueue(messages.map((one) => ({ ...one, delayMs: late(one.delayMs) }))),
      };
    }),
  },
  {
    defect: "a call that waits renews what its connection holds already",
    seenBy: "the end of a lease that was not settled wakes a waiting call",
    plant: always((good) => {
      const leased: Lease[] = [];
      return {
        async lease(request) {
          if (request.waitMs > LATE_MS && leased.length > 0) await good.extend(leased, 2 * LATE_MS);
          const found = await good.lease(request);
          leased.push(...found);
          return found;
        },
      };
    }),
  },
  {
    defect: "a released message is not announced",
    seenBy: "a released message wakes a waiting call",
    plant: always((good) => {
      const { waiting, lease } = watched(good);
      return {
        lease,
        retry: (leased, request) => good.retry(leased, waiting() > 0 ? { ...request, delayMs: LATE_MS } : request),
      };
    }),
  },
  {
    defect: "what one waiting call got is given to the next one too",
    seenBy: "one message goes to one of several waiting calls",
    plant: always((good) => {
      const waiting = new Set<(found: Lease[]) => void>();
      return {
        async lease(request) {
          const { promise, resolve } = given();
          waiting.add(resolve);
          const found = await Promise.race([good.lease(request), promise]);
          waiting.delete(resolve);
          const others = [...waiting];
          await pause(0);
          if (found.length > 0) others.find((other) => waiting.has(other))?.(found);
          return found;
        },
      };
    }),
  },
  {
    defect: "one call is woken for each call to enqueue",
    seenBy: "messages that arrive together wake as many calls as they can serve",
    plant: always((good) => {
      const { waiting, lease } = watched(good);
      return {
        lease,
        enqueue: (messages) =>
          good.enqueue(messages.map((one, index) => (waiting() > 1 && index > 0 ? { ...one, delayMs: LATE_MS } : one))),
      };
    }),
  },
];

const aborting: readonly Defect[] = [
  {
    defect: "an abort is noticed when the poll ends",
    seenBy: "an abort ends the wait with nothing, at once and without rejecting",
    plant: always((good) => ({
      lease(request) {
        if (request.signal.aborted) return good.lease(request);
        const late = new AbortController();
        request.signal.addEventListener("abort", () => setTimeout(() => late.abort(), LATE_MS));
        return good.lease({ ...request, signal: late.signal });
      },
    })),
  },
  {
    defect: "only the event of an abort is listened for",
    seenBy: "a call aborted before it began takes nothing",
    plant: always((good) => ({
      lease: (request) =>
        good.lease(request.signal.aborted ? { ...request, signal: new AbortController().signal } : request),
    })),
  },
  {
    defect: "an abort ends the call, and the poll behind it goes on",
    seenBy: "a message that arrives with an abort or after it is neither lost nor counted",
    plant: always((good) => ({
      lease: (request) =>
        new Promise((resolve, reject) => {
          if (request.signal.aborted) return resolve([]);
          request.signal.addEventListener("abort", () => resolve([]));
          good.lease({ ...request, signal: new AbortController().signal }).then(resolve, reject);
        }),
    })),
  },
];

const delaying: readonly Defect[] = [
  {
    defect: "short delays are left to the worker, which learns from the message when it is due",
    seenBy: "a message does not come before its delay has passed, and comes then",
    plant: always((good) => {
      const due = new Map<string, number>();
      return {
        enqueue(messages) {
          for (const { id, delayMs } of messages) if (delayMs > 0) due.set(id, Date.now() + delayMs);
          return good.enqueue(messages.map((one) => (one.delayMs < 1_000 ? { ...one, delayMs: 0 } : one)));
        },
        lease: async (request) =>
          (await good.lease(request)).map((lease) => {
            const dueAt = due.get(lease.id) ?? lease.dueAt;
            due.delete(lease.id);
            return { ...lease, dueAt };
          }),
      };
    }),
  },
  {
    defect: "a delay is one timer, and over 24.8 days it rings at once",
    seenBy: "the longest delay allowed, or 30 days, is not taken for none",
    plant: writes((message) => (message.delayMs >= 2 ** 31 ? { ...message, delayMs: 0 } : message)),
  },
  {
    defect: "delayed messages leave in the order they came",
    seenBy: "a long delay does not hold up a shorter one behind it",
    plant: always((good) => {
      let headDue = 0;
      return {
        enqueue: (messages) =>
          good.enqueue(
            messages.map((message) => {
              if (message.delayMs === 0) return message;
              const delayMs = Math.max(message.delayMs, headDue - Date.now());
              headDue = Date.now() + delayMs;
              return { ...message, delayMs };
            }),
          ),
      };
    }),
  },
  {
    defect: "the due time of a first delivery is not read back",
    seenBy: "dueAt says when the delay ended, in Unix milliseconds",
    plant: always((good) => {
      const delayed = new Set<string>();
      return {
        enqueue(messages) {
          for (const { id, delayMs } of messages) if (delayMs > 0) delayed.add(id);
          return good.enqueue(messages);
        },
        lease: async (request) =>
          (await good.lease(request)).map((lease) => (delayed.delete(lease.id) ? { ...lease, dueAt: null } : lease)),
      };
    }),
  },
  {
    defect: "a message without a due time is due in a minute",
    seenBy: "a delivered message without a delay is due",
    plant: reads(({ dueAt }) => ({ dueAt: dueAt ?? Date.now() + 60_000 })),
  },
  {
    defect: "a delay over the limit is cut to the limit",
    seenBy: "a delay over maxDelayMs is refused, and the message is not stored",
    profile: "limited like SQS",
    plant: writes((message, { capabilities }) => ({
      ...message,
      delayMs: Math.min(message.delayMs, capabilities.maxDelayMs),
    })),
  },
];

export const leasingDefects: readonly Defect[] = [...labelling, ...sharing, ...waking, ...aborting, ...delaying];
