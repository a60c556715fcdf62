import assert from "node:assert/strict";
import { type Backend, errorCode, type Lease } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { codesOf, rejectsWith, valueOf } from "../expect.ts";

const subject = "settle";

export const settleCases: readonly ContractCase[] = [
  {
    subject,
    name: "an acked message never comes again, not even when its lease would have ended",
    async run({ backend, put, takeOne, takeNothing, second, leaseMs, tickMs }) {
      await put();
      const held = await takeOne({ leaseMs });
      valueOf((await backend.ack([held]))[0]);
      await takeNothing(leaseMs + 2 * tickMs);
      if (backend.capabilities.maxLeaseMs !== 0) return;
      // Where a lease lasts as long as the connection, it would have ended with that.
      const from = await second();
      await backend.close();
      await takeNothing(undefined, { from });
    },
  },
  {
    subject,
    name: "ack answers each lease by itself, in the order given",
    async run({ backend, put, take }) {
      await put({}, {}, {});
      const [first, middle, last] = (await take(3)) as [Lease, Lease, Lease];
      assert.deepEqual(codesOf(await backend.ack([first])), ["ok"]);
      assert.deepEqual(codesOf(await backend.ack([first, middle, last])), ["LEASE_LOST", "ok", "ok"]);
    },
  },
  {
    subject,
    name: "acking one lease settles no other",
    async run({ backend, put, take }) {
      await put({}, {}, {});
      const [first, middle, last] = (await take(3)) as [Lease, Lease, Lease];
      await backend.ack([middle]);
      for (const held of [first, last]) await backend.retry(held, { delayMs: 0, countsAttempt: false });
      const came = (await take(2)).map((lease) => lease.id);
      assert.deepEqual(came.sort(), [first.id, last.id].sort());
    },
  },
  {
    subject,
    name: "a lease that was settled cannot be settled again, by any verb",
    async run({ backend, put, takeOne, takeNothing, shortMs }) {
      await put();
      const held = await takeOne();
      await backend.ack([held]);
      await rejectsWith("LEASE_LOST", backend.retry(held, { delayMs: 0, countsAttempt: true }));
      await rejectsWith("LEASE_LOST", backend.deadLetter(held, { code: "TEST", message: "settled before" }));
      assert.deepEqual(codesOf(await backend.extend([held], shortMs)), ["LEASE_LOST"]);
      await takeNothing();
    },
  },
  {
    subject,
    name: "a copy of a lease settles as the lease itself does",
    async run({ backend, put, takeOne }) {
      await put();
      assert.deepEqual(codesOf(await backend.ack([{ ...(await takeOne()) }])), ["ok"]);
    },
  },
];

/** Ways to settle or extend, each answering "ok" or the code it failed with. */
export const verbs: Readonly<Record<string, (backend: Backend, lease: Lease, leaseMs: number) => Promise<string>>> = {
  ack: async (backend, lease) => codesOf(await backend.ack([lease]))[0] ?? "no answer",
  extend: async (backend, lease, leaseMs) => codesOf(await backend.extend([lease], leaseMs))[0] ?? "no answer",
  retry: (backend, lease) => codeOf(backend.retry(lease, { delayMs: 0, countsAttempt: true })),
  deadLetter: (backend, lease) => codeOf(backend.deadLetter(lease, { code: "TEST", message: "too late" })),
};

const codeOf = (call: Promise<void>): Promise<string> =>
  call.then(
    () => "ok",
    (error: unknown) => errorCode(error),
  );
