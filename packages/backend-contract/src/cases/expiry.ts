import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { allOf, failuresCounted, timedLeases } from "./applies-to.ts";

const subject = "expiry";

export const expiryCases: readonly ContractCase[] = [
  {
    subject,
    name: "a message whose worker died is delivered again, as the same attempt",
    appliesTo: allOf(timedLeases, failuresCounted),
    async run({ put, leaseOne, shortMs }) {
      const [sent] = await put();
      await leaseOne({ leaseMs: shortMs });
      const again = await leaseOne();
      assert.deepEqual({ id: again.id, attempt: again.attempt }, { id: sent?.id, attempt: 1 });
    },
  },
  {
    subject,
    name: "a leased message is not delivered before its lease has ended",
    appliesTo: timedLeases,
    async run({ put, leaseOne, shortMs }) {
      await put();
      const before = performance.now();
      await leaseOne({ leaseMs: 3 * shortMs });
      await leaseOne();
      const tookMs = performance.now() - before;
      assert.ok(tookMs >= 3 * shortMs - 2, `it came again after ${tookMs} of ${3 * shortMs} ms`);
    },
  },
  {
    subject,
    name: "every delivery that was not settled is counted as lost",
    appliesTo: allOf(
      timedLeases,
      (has) => has.countsLost || "deliveries that were not settled are not counted (countsLost)",
    ),
    async run({ put, leaseOne, shortMs }) {
      await put();
      await leaseOne({ leaseMs: shortMs });
      await leaseOne({ leaseMs: shortMs });
      assert.equal((await leaseOne()).lost, 2);
    },
  },
  {
    subject,
    name: "a delivery that was not settled is counted after a release, too",
    appliesTo: allOf(
      timedLeases,
      (has) => has.countsLost || "deliveries that were not settled are not counted (countsLost)",
    ),
    async run({ backend, put, leaseOne, shortMs }) {
      await put();
      await backend.retry(await leaseOne(), { delayMs: 0, countsAttempt: false });
      await leaseOne({ leaseMs: shortMs });
      assert.equal((await leaseOne()).lost, 1);
    },
  },
];
