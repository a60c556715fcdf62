import assert from "node:assert/strict";
import { inspectorOf } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { allOf, retryDelays, timedLeases } from "./applies-to.ts";
import { codeOf, verbs } from "./settle.ts";

/** A backend may retry with a delay by another statement than without. */
const lateVerbs: typeof verbs = {
  ...verbs,
  "delayed retry": (backend, lease, leaseMs) => codeOf(backend.retry(lease, { delayMs: leaseMs, countsAttempt: true })),
};

/** One rule for each verb: a call with a lease that ran out, after the message was leased again. */
export const lateSettleCases: readonly ContractCase[] = Object.entries(lateVerbs).map(([verb, settle]) => ({
  subject: "late-settle",
  name: `a late ${verb} fails with LEASE_LOST and leaves the message to its new lease`,
  appliesTo: verb === "delayed retry" ? allOf(timedLeases, retryDelays) : timedLeases,
  async run({ backend, put, leaseOne, leaseNothing, shortMs, tickMs }) {
    await put();
    const late = await leaseOne({ leaseMs: shortMs });
    const leased = await leaseOne();
    assert.equal(await settle(backend, late, shortMs), "LEASE_LOST");
    await leaseNothing(shortMs + 2 * tickMs);
    assert.deepEqual((await inspectorOf(backend)?.deadLetters()) ?? [], []);
    const [result] = await backend.ack([leased]);
    assert.ok(result?.ok, "the new lease could not be acked");
  },
}));
