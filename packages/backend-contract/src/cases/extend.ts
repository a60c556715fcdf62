import assert from "node:assert/strict";
import type { Lease } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { assertAhead, assertBetween, codesOf, rejectsWith, valueOf } from "../expect.ts";
import { connectionLeases, timedLeases } from "./applies-to.ts";

const subject = "extend";

export const extendCases: readonly ContractCase[] = [
  {
    subject,
    name: "an extended lease outlives its first end",
    appliesTo: timedLeases,
    async run({ backend, put, leaseOne, leaseNothing, leaseMs, tickMs }) {
      await put();
      const leased = await leaseOne({ leaseMs });
      valueOf((await backend.extend([leased], 60_000))[0]);
      await leaseNothing(leaseMs + 4 * tickMs);
      valueOf((await backend.ack([leased]))[0]);
    },
  },
  {
    subject,
    name: "an extended lease ends at its new end: its message is delivered again",
    appliesTo: timedLeases,
    async run({ backend, put, leaseOne, leaseMs }) {
      const [sent] = await put();
      valueOf((await backend.extend([await leaseOne({ leaseMs })], leaseMs))[0]);
      assert.equal((await leaseOne()).id, sent?.id);
    },
  },
  {
    subject,
    name: "a lease can be extended again and again",
    appliesTo: timedLeases,
    async run({ backend, put, leaseOne, leaseNothing, leaseMs }) {
      await put();
      const leased = await leaseOne({ leaseMs: 2 * leaseMs });
      for (let times = 0; times < 3; times += 1) {
        await leaseNothing(leaseMs);
        valueOf((await backend.extend([leased], 2 * leaseMs))[0]);
      }
      valueOf((await backend.ack([leased]))[0]);
    },
  },
  {
    subject,
    name: "extend returns the new expiresAt",
    appliesTo: timedLeases,
    async run({ backend, put, leaseOne, promptMs }) {
      await put();
      const leased = await leaseOne({ leaseMs: 10_000 });
      const before = Date.now();
      const expiresAt = valueOf((await backend.extend([leased], 40_000))[0]);
      assertBetween(expiresAt, before + 40_000, Date.now() + 40_000, promptMs);
    },
  },
  {
    subject,
    name: "where a lease lasts as long as the connection, extend returns null or a time ahead",
    appliesTo: connectionLeases,
    async run({ backend, put, leaseOne }) {
      await put();
      assertAhead(valueOf((await backend.extend([await leaseOne()], 10_000))[0]));
    },
  },
  {
    subject,
    name: "extend returns a result for each lease by itself, in the order given",
    async run({ backend, put, leaseExactly }) {
      await put({}, {}, {});
      const leased = (await leaseExactly(3)) as [Lease, Lease, Lease];
      await backend.ack([leased[0]]);
      assert.deepEqual(codesOf(await backend.extend(leased, 60_000)), ["LEASE_LOST", "ok", "ok"]);
    },
  },
  {
    subject,
    name: "a lease longer than maxLeaseMs is refused, when it is asked for and when it is extended",
    appliesTo: (has) => {
      const applies = timedLeases(has);
      return applies === true && has.maxLeaseMs === Infinity ? "a lease may be of any length (maxLeaseMs)" : applies;
    },
    async run({ backend, put, lease, leaseOne }) {
      const leaseMs = backend.capabilities.maxLeaseMs + 1;
      await put();
      await rejectsWith("CAPABILITY_MISSING", lease({ leaseMs }));
      assert.deepEqual(codesOf(await backend.extend([await leaseOne()], leaseMs)), ["CAPABILITY_MISSING"]);
    },
  },
];
