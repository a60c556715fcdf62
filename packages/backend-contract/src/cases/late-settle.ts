import assert from "node:assert/strict";
import { inspectorOf } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { timedLeases } from "./claims.ts";
import { verbs } from "./settle.ts";

/** One rule for each verb: somebody whose lease ran out does something to a message that somebody else now holds. */
export const lateSettleCases: readonly ContractCase[] = Object.entries(verbs).map(([verb, settle]) => ({
  subject: "late-settle",
  name: `a late ${verb} answers LEASE_LOST and leaves the message to its new holder`,
  appliesTo: timedLeases,
  async run({ backend, put, takeOne, takeNothing, shortMs, tickMs }) {
    await put();
    const late = await takeOne({ leaseMs: shortMs });
    const held = await takeOne();
    assert.equal(await settle(backend, late, shortMs), "LEASE_LOST");
    await takeNothing(shortMs + 2 * tickMs);
    assert.deepEqual((await inspectorOf(backend)?.deadLetters()) ?? [], []);
    const [answer] = await backend.ack([held]);
    assert.ok(answer?.ok, "the new holder could not ack");
  },
}));
