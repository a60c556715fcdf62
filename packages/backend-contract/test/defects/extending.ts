import { always, type Defect } from "./planted.ts";

/** What can be wrong with how long a lease lasts. */
export const extendingDefects: readonly Defect[] = [
  {
    defect: "a lease ends early: its length is taken for tenths",
    seenBy: "a leased message is not delivered before its lease has ended",
    plant: always((good) => ({
      lease: (request) => good.lease(request.leaseMs < 200 ? { ...request, leaseMs: request.leaseMs / 10 } : request),
    })),
  },
  {
    defect: "a lease is extended by its first length, whatever was asked",
    seenBy: "an extended lease outlives its first end",
    plant: always((good) => {
      let firstMs = Infinity;
      return {
        lease(request) {
          firstMs = request.leaseMs;
          return good.lease(request);
        },
        async extend(leases, leaseMs) {
          const results = await good.extend(leases, Math.min(leaseMs, firstMs));
          return results.map((result) => (result.ok ? { ok: true, value: Date.now() + leaseMs } : result));
        },
      };
    }),
  },
  {
    defect: "a lease is extended by a minute, whatever was asked",
    seenBy: "an extended lease ends at its new end: its message is delivered again",
    plant: always((good) => ({
      async extend(leases, leaseMs) {
        const results = await good.extend(leases, Math.max(leaseMs, 60_000));
        return results.map((result) => (result.ok ? { ok: true, value: Date.now() + leaseMs } : result));
      },
    })),
  },
  {
    defect: "a lease is extended once",
    seenBy: "a lease can be extended again and again",
    plant: always((good) => {
      const ends = new Map<unknown, number>();
      return {
        async extend(leases, leaseMs) {
          const end = Math.min(...leases.map(({ token }) => ends.get(token) ?? Infinity), Date.now() + leaseMs);
          for (const { token } of leases) ends.set(token, end);
          return good.extend(leases, Math.max(end - Date.now(), 1));
        },
      };
    }),
  },
  {
    defect: "extend returns the end that the lease had before",
    seenBy: "extend returns the new expiresAt",
    plant: always((good) => ({
      extend: async (leases, leaseMs) =>
        (await good.extend(leases, leaseMs)).map((result, index) =>
          result.ok ? { ok: true, value: leases[index]?.expiresAt ?? null } : result,
        ),
    })),
  },
  {
    defect: "extend returns an end that has passed where there is none",
    seenBy: "where a lease lasts as long as the connection, extend returns null or a time ahead",
    profile: "limited like AMQP",
    plant: always((good) => ({
      extend: async (leases, leaseMs) =>
        (await good.extend(leases, leaseMs)).map((result) =>
          result.ok ? { ok: true, value: Date.now() - 1 } : result,
        ),
    })),
  },
  {
    defect: "a batch is extended if any row was",
    seenBy: "extend returns a result for each lease by itself, in the order given",
    plant: always((good) => ({
      async extend(leases, leaseMs) {
        const results = await good.extend(leases, leaseMs);
        const first = results.find(({ ok }) => ok);
        return first === undefined ? results : results.map(() => first);
      },
    })),
  },
  {
    defect: "a lease over the limit is cut to the limit",
    seenBy: "a lease longer than maxLeaseMs is refused, when it is asked for and when it is extended",
    profile: "limited like SQS",
    plant: always((good) => ({
      lease: (request) => good.lease({ ...request, leaseMs: Math.min(request.leaseMs, good.capabilities.maxLeaseMs) }),
    })),
  },
];
