import type { Lease, Message } from "@waybill/core/backend";
import { copies, lost, reads } from "./changes.ts";
import { always, type Defect, type Spoil } from "./planted.ts";

/** The message a lease was made from, to be stored a second time. */
const messageOf = ({ id, type, queue, priority, tenant, signature, body }: Lease, delayMs: number): Message => ({
  id,
  type,
  queue,
  priority,
  tenant,
  signature,
  body,
  delayMs,
});

/** Leaves a copy behind that comes about when the lease would have ended; long leases are not waited for. */
const leavesCopy = (verb: "ack" | "retry" | "deadLetter"): (() => Spoil) =>
  always((good) => {
    const copied = copies(good);
    const short = new Set<unknown>();
    const leave = async (lease: Lease): Promise<void> => {
      if (short.has(lease.token)) await copied.store(messageOf(lease, 100));
    };
    return {
      async lease(request) {
        const found = await copied.lease(request);
        if (request.leaseMs < 1_000) for (const { token } of found) short.add(token);
        return found;
      },
      async ack(leases) {
        const results = await good.ack(leases);
        if (verb === "ack") for (const lease of leases) await leave(lease);
        return results;
      },
      async retry(lease, request) {
        await good.retry(lease, request);
        if (verb === "retry") await leave(lease);
      },
      async deadLetter(lease, reason) {
        await good.deadLetter(lease, reason);
        if (verb === "deadLetter") await leave(lease);
      },
    };
  });

const settlingOnce: readonly Defect[] = [
  {
    defect: "an ack is written down and never carried out",
    seenBy: "an acked message never comes again, not even when its lease would have ended",
    plant: leavesCopy("ack"),
  },
  {
    defect: "a retry stores a copy and leaves the original",
    seenBy: "a retried message is there once: what it was moved from does not come again",
    plant: leavesCopy("retry"),
  },
  {
    defect: "a dead letter is copied and the original left",
    seenBy: "a dead-lettered message is not delivered again, not even when its lease would have ended",
    plant: leavesCopy("deadLetter"),
  },
  {
    defect: "a batch is acked if any row was",
    seenBy: "ack returns a result for each lease by itself, in the order given",
    plant: always((good) => ({
      async ack(leases) {
        const results = await good.ack(leases);
        return results.some(({ ok }) => ok) ? leases.map(() => ({ ok: true, value: null })) : results;
      },
    })),
  },
  {
    defect: "an ack goes to the queue of its first lease",
    seenBy: "one ack settles leases of several calls and queues",
    plant: always((good) => ({
      async ack(leases) {
        const results = await good.ack(leases);
        return results.map((result, at) =>
          leases[at]?.queue === leases[0]?.queue ? result : lost("of another queue"),
        );
      },
    })),
  },
  {
    defect: "an ack settles everything delivered before it",
    seenBy: "acking one lease settles no other",
    plant: always((good) => {
      const leased: Lease[] = [];
      return {
        async lease(request) {
          const found = await good.lease(request);
          leased.push(...found);
          return found;
        },
        async ack(leases) {
          const results = await good.ack(leases);
          const last = Math.max(...leases.map(({ token }) => leased.findIndex((one) => one.token === token)));
          await good.ack(leased.slice(0, last));
          return results;
        },
      };
    }),
  },
  {
    defect: "retrying what is done already is no error",
    seenBy: "a lease that was settled cannot be settled again, by any verb",
    plant: always((good) => {
      const done = new Set<unknown>();
      return {
        async ack(leases) {
          const results = await good.ack(leases);
          for (const [index, { token }] of leases.entries()) if (results[index]?.ok) done.add(token);
          return results;
        },
        retry: async (lease, request) => (done.has(lease.token) ? undefined : good.retry(lease, request)),
      };
    }),
  },
  {
    defect: "leases are recognised as objects",
    seenBy: "a copy of a lease settles as the lease itself does",
    plant: always((good) => {
      const known = new WeakSet<Lease>();
      return {
        async lease(request) {
          const found = await good.lease(request);
          for (const lease of found) known.add(lease);
          return found;
        },
        ack: async (leases) =>
          leases.every((one) => known.has(one)) ? good.ack(leases) : leases.map((one) => lost(one.id)),
      };
    }),
  },
  {
    defect: "a token is read without a look at what it is",
    seenBy:
      "a lease with a token that the backend did not make fails with LEASE_LOST, by every verb, and settles nothing",
    plant: always((good) => ({
      async retry(lease, request) {
        if (lease.token === null) throw new TypeError("Cannot read properties of null (reading 'seq')");
        await good.retry(lease, request);
      },
    })),
  },
];

/** One verb goes by the job's id: a late settle ends the new lease of the message. */
const byId = (verb: "ack" | "extend" | "retry" | "delayed retry" | "deadLetter"): (() => Spoil) =>
  always((good) => {
    const newest = new Map<string, Lease>();
    const newLeaseOf = (lease: Lease): Lease => newest.get(lease.id) ?? lease;
    const lease: typeof good.lease = async (request) => {
      const found = await good.lease(request);
      for (const one of found) newest.set(one.id, one);
      return found;
    };
    switch (verb) {
      case "ack":
        return { lease, ack: (leases) => good.ack(leases.map(newLeaseOf)) };
      case "extend":
        return { lease, extend: (leases, leaseMs) => good.extend(leases.map(newLeaseOf), leaseMs) };
      case "retry":
        return { lease, retry: (one, how) => good.retry(how.delayMs > 0 ? one : newLeaseOf(one), how) };
      case "delayed retry":
        return { lease, retry: (one, how) => good.retry(how.delayMs > 0 ? newLeaseOf(one) : one, how) };
      case "deadLetter":
        return { lease, deadLetter: (one, reason) => good.deadLetter(newLeaseOf(one), reason) };
    }
  });

const settlingLate: readonly Defect[] = (["ack", "extend", "retry", "delayed retry", "deadLetter"] as const).map(
  (verb) => ({
    defect: `${verb} goes by the job's id`,
    seenBy: `a late ${verb} fails with LEASE_LOST and leaves the message to its new lease`,
    plant: byId(verb),
  }),
);

/** Changes what a delivery reports by how the delivery before it ended. */
const afterHop = (hop: "counted" | "release", change: (lease: Lease) => Partial<Lease>): (() => Spoil) =>
  always((good) => {
    const last = new Map<string, "counted" | "release">();
    return {
      lease: async (request) =>
        (await good.lease(request)).map((lease) => {
          const changed = last.get(lease.id) === hop ? { ...lease, ...change(lease) } : lease;
          last.delete(lease.id);
          return changed;
        }),
      async retry(lease, request) {
        await good.retry(lease, request);
        last.set(lease.id, request.countsAttempt ? "counted" : "release");
      },
    };
  });

const counting: readonly Defect[] = [
  {
    defect: "the first retry is not counted",
    seenBy: "a retry raises the attempt by one",
    plant: always((good) => {
      const less = <T extends { attempt: number }>(one: T): T => ({ ...one, attempt: Math.max(one.attempt - 1, 1) });
      return {
        lease: async (request) => (await good.lease(request)).map(less),
        inspector: {
          ...good.inspector,
          deadLetters: async (query) => (await good.inspector.deadLetters(query)).map(less),
        },
        ...(good.jobControl && {
          jobControl: {
            ...good.jobControl,
            list: async (query) => {
              const page = await good.jobControl?.list(query);
              return { jobs: (page?.jobs ?? []).map(less), next: page?.next ?? null };
            },
          },
        }),
      };
    }),
  },
  {
    defect: "a release with a delay counts as a failure",
    seenBy: "a delay changes nothing of what is counted: a retry raises the attempt, and a release does not",
    plant: always((good) => ({
      retry: (lease, { delayMs, countsAttempt }) =>
        good.retry(lease, { delayMs, countsAttempt: countsAttempt || (delayMs > 0 && lease.attempt > 1) }),
    })),
  },
  {
    defect: "the broker's mark for a message seen before is added to the attempt",
    seenBy: "a release leaves the attempt as it was",
    plant: afterHop("release", ({ attempt }) => ({ attempt: attempt + 1 })),
  },
  {
    defect: "releases are kept as yes or no",
    seenBy: "releases are counted, and retries are not counted as releases",
    plant: reads(({ releases }) => ({ releases: Math.min(releases, 1) })),
  },
  {
    defect: "a counted retry stores a copy without its releases",
    seenBy: "what was counted survives every later hop",
    plant: afterHop("counted", () => ({ releases: 0 })),
  },
  {
    defect: "a backend that does not count releases reports the broker's mark as one",
    seenBy: "what is not counted is reported as 0",
    profile: "limited like AMQP",
    plant: afterHop("release", () => ({ releases: 1 })),
  },
  {
    defect: "the copy made by a retry has no tenant",
    seenBy: "label and body survive a retry",
    plant: afterHop("counted", () => ({ tenant: null })),
  },
  {
    defect: "a delivery that ended by itself is counted as a failure",
    seenBy: "a message whose worker died is delivered again, as the same attempt",
    plant: always((good) => {
      const seen = new Map<string, number>();
      return {
        lease: async (request) =>
          (await good.lease(request)).map((lease) => {
            const before = seen.get(lease.id) ?? 0;
            seen.set(lease.id, lease.lost);
            return lease.lost > before ? { ...lease, attempt: lease.attempt + 1 } : lease;
          }),
      };
    }),
  },
  {
    defect: "lost deliveries are kept as yes or no",
    seenBy: "every delivery that was not settled is counted as lost",
    plant: reads((lease) => ({ lost: Math.min(lease.lost, 1) })),
  },
  {
    defect: "a release ends the counting of lost deliveries",
    seenBy: "a delivery that was not settled is counted after a release, too",
    plant: always((good) => {
      const last = new Map<string, number>();
      return {
        retry(lease, request) {
          if (!request.countsAttempt) last.set(lease.id, lease.lost);
          return good.retry(lease, request);
        },
        lease: async (request) =>
          (await good.lease(request)).map((lease) => ({
            ...lease,
            lost: Math.min(lease.lost, last.get(lease.id) ?? Infinity),
          })),
      };
    }),
  },
];

const retrying: readonly Defect[] = [
  {
    defect: "the delay of a retry is written down and not waited for",
    seenBy: "a retried message does not come before its delay has passed",
    plant: always((good) => {
      const due = new Map<string, number>();
      return {
        retry(lease, request) {
          due.set(lease.id, Date.now() + request.delayMs);
          return good.retry(lease, { ...request, delayMs: 0 });
        },
        lease: async (request) =>
          (await good.lease(request)).map((lease) => ({ ...lease, dueAt: due.get(lease.id) ?? lease.dueAt })),
      };
    }),
  },
  {
    defect: "the due time is written at enqueue and never again",
    seenBy: "after a delayed retry dueAt says when that delay ended",
    plant: always((good) => {
      const written = new Map<string, number | null>();
      return {
        lease: async (request) =>
          (await good.lease(request)).map((lease) => {
            const dueAt = written.get(lease.id) ?? lease.dueAt;
            written.set(lease.id, dueAt);
            return { ...lease, dueAt };
          }),
      };
    }),
  },
  {
    defect: "a delay over the limit is cut to the limit",
    seenBy: "a delay over maxRetryDelayMs is refused, and the lease stays ours",
    profile: "limited like SQS",
    plant: always((good) => ({
      retry: (lease, request) =>
        good.retry(lease, { ...request, delayMs: Math.min(request.delayMs, good.capabilities.maxRetryDelayMs) }),
    })),
  },
];

export const settlingDefects: readonly Defect[] = [...settlingOnce, ...settlingLate];
export const countingDefects: readonly Defect[] = [...counting, ...retrying];
