import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { allOf, failuresCounted, timedLeases } from "./claims.ts";

const subject = "expiry";

export const expiryCases: readonly ContractCase[] = [
  {
    subject,
    name: "a message whose worker died is delivered again, as the same attempt",
    appliesTo: allOf(timedLeases, failuresCounted),
    async run({ put, takeOne, shortMs }) {
      const [sent] = await put();
      await takeOne({ leaseMs: shortMs });
      const again = await takeOne();
      assert.deepEqual({ id: again.id, attempt: again.attempt }, { id: sent?.id, attempt: 1 });
    },
  },
  {
    subject,
    name: "a leased message is not delivered before its lease has ended",
    appliesTo: timedLeases,
    async run({ put, takeOne, shortMs }) {
      await put();
      const before = performance.now();
      await takeOne({ leaseMs: 3 * shortMs });
      await takeOne();
      const tookMs = performance.now() - before;
      assert.ok(tookMs >= 3 * shortMs - 2, `it came again after ${tookMs} of ${3 * shortMs} ms`);
    },
  },
  {
    subject,
    name: "every delivery that nobody settled is counted as lost",
    appliesTo: allOf(timedLeases, (has) => has.countsLost || "deliveries nobody settled are not counted (countsLost)"),
    async run({ put, takeOne, shortMs }) {
      await put();
      await takeOne({ leaseMs: shortMs });
      await takeOne({ leaseMs: shortMs });
      assert.equal((await takeOne()).lost, 2);
    },
  },
];
