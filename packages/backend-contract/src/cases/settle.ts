import assert from "node:assert/strict";
import { type Backend, errorCode, type Lease } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { codesOf, rejectsWith, valueOf } from "../expect.ts";

const subject = "settle";

export const settleCases: readonly ContractCase[] = [
  {
    subject,
    name: "an acked message never comes again, not even when its lease would have ended",
    async run({ backend, put, leaseOne, leaseNothing, second, leaseMs, tickMs }) {
      await put();
      const leased = await leaseOne({ leaseMs });
      valueOf((await backend.ack([leased]))[0]);
      await leaseNothing(leaseMs + 2 * tickMs);
      if (backend.capabilities.maxLeaseMs !== 0) return;
      // Where a lease lasts as long as the connection, it would have ended with that.
      const from = await second();
      await backend.close();
      await leaseNothing(undefined, { from });
    },
  },
  {
    subject,
    name: "ack returns a result for each lease by itself, in the order given",
    async run({ backend, put, leaseExactly }) {
      await put({}, {}, {});
      const [first, middle, last] = (await leaseExactly(3)) as [Lease, Lease, Lease];
      assert.deepEqual(codesOf(await backend.ack([first])), ["ok"]);
      assert.deepEqual(codesOf(await backend.ack([first, middle, last])), ["LEASE_LOST", "ok", "ok"]);
    },
  },
  {
    subject,
    name: "one ack settles leases of several calls and queues",
    async run({ backend, queue, put, leaseOne, leaseMs }) {
      const other = { queue: `${queue}-other` };
      await put({}, {});
      await put(other);
      const leases = [await leaseOne(), await leaseOne(other), await leaseOne()];
      assert.deepEqual(codesOf(await backend.extend(leases, leaseMs)), ["ok", "ok", "ok"]);
      assert.deepEqual(codesOf(await backend.ack(leases)), ["ok", "ok", "ok"]);
      assert.deepEqual(codesOf(await backend.ack(leases)), ["LEASE_LOST", "LEASE_LOST", "LEASE_LOST"]);
    },
  },
  {
    subject,
    name: "acking one lease settles no other",
    async run({ backend, put, leaseExactly }) {
      await put({}, {}, {});
      const [first, middle, last] = (await leaseExactly(3)) as [Lease, Lease, Lease];
      await backend.ack([middle]);
      for (const leased of [first, last]) await backend.retry(leased, { delayMs: 0, countsAttempt: false });
      const came = (await leaseExactly(2)).map((lease) => lease.id);
      assert.deepEqual(came.sort(), [first.id, last.id].sort());
    },
  },
  {
    subject,
    name: "a lease that was settled cannot be settled again, by any verb",
    async run({ backend, put, leaseOne, leaseNothing, shortMs }) {
      await put();
      const leased = await leaseOne();
      await backend.ack([leased]);
      await rejectsWith("LEASE_LOST", backend.retry(leased, { delayMs: 0, countsAttempt: true }));
      await rejectsWith("LEASE_LOST", backend.deadLetter(leased, { code: "TEST", message: "settled before" }));
      assert.deepEqual(codesOf(await backend.extend([leased], shortMs)), ["LEASE_LOST"]);
      await leaseNothing();
    },
  },
  {
    subject,
    name: "a copy of a lease settles as the lease itself does",
    async run({ backend, put, leaseOne }) {
      await put();
      assert.deepEqual(codesOf(await backend.ack([{ ...(await leaseOne()) }])), ["ok"]);
    },
  },
  {
    subject,
    name: "a lease with a token that the backend did not make fails with LEASE_LOST, by every verb, and settles nothing",
    async run({ backend, put, leaseOne, leaseNothing, leaseMs }) {
      await put();
      const leased = await leaseOne();
      for (const token of [null, "another", {}]) {
        for (const [verb, settle] of Object.entries(verbs)) {
          const code = await settle(backend, { ...leased, id: "another", token }, leaseMs);
          assert.equal(code, "LEASE_LOST", `${verb} by the token ${JSON.stringify(token)}`);
        }
      }
      await leaseNothing();
      valueOf((await backend.ack([leased]))[0]);
    },
  },
];

/** Returns "ok", or the code of the error that a call rejects with. */
export const codeOf = (call: Promise<void>): Promise<string> =>
  call.then(
    () => "ok",
    (error: unknown) => errorCode(error),
  );

/** Ways to settle or extend. Each returns "ok" or the code of its error. */
export const verbs: Readonly<Record<string, (backend: Backend, lease: Lease, leaseMs: number) => Promise<string>>> = {
  ack: async (backend, lease) => codesOf(await backend.ack([lease]))[0] ?? "no result",
  extend: async (backend, lease, leaseMs) => codesOf(await backend.extend([lease], leaseMs))[0] ?? "no result",
  retry: (backend, lease) => codeOf(backend.retry(lease, { delayMs: 0, countsAttempt: true })),
  deadLetter: (backend, lease) => codeOf(backend.deadLetter(lease, { code: "TEST", message: "too late" })),
};
