import assert from "node:assert/strict";
import type { DeadLetter, DeadLetterQuery, DeadReason, Inspector } from "@waybill/core";
import { inspectorOf } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { assertBetween } from "../expect.ts";
import { inspectable } from "./claims.ts";

const subject = "dead-letter";

const REASON: DeadReason = {
  code: "ATTEMPTS_EXHAUSTED",
  message: "it failed 10 times; the last time: no route to host",
};

/** The inspector of a backend that claims to have one. */
export function inspector({ backend }: Bench): Inspector {
  const found = inspectorOf(backend);
  assert.ok(found);
  return found;
}

/** Enqueues, leases and buries one message. */
export async function bury(bench: Bench, part = {}, reason: DeadReason = REASON): Promise<string> {
  const [sent] = await bench.put(part);
  assert.ok(sent);
  await bench.backend.deadLetter(await bench.takeOne({ queue: sent.queue }), reason);
  return sent.id;
}

/** The one dead letter there is. */
async function only(bench: Bench, query?: DeadLetterQuery): Promise<DeadLetter> {
  const found = await inspector(bench).deadLetters(query);
  assert.equal(found.length, 1, `${found.length} dead letters instead of 1`);
  return found[0] as DeadLetter;
}

export const deadLetterCases: readonly ContractCase[] = [
  {
    subject,
    name: "a dead-lettered message is not delivered again, not even when its lease would have ended",
    async run({ backend, put, takeOne, takeNothing, leaseMs, tickMs }) {
      await put();
      await backend.deadLetter(await takeOne({ leaseMs }), REASON);
      await takeNothing(leaseMs + 2 * tickMs);
    },
  },
  {
    subject,
    name: "a dead letter keeps the bytes that were delivered",
    appliesTo: inspectable,
    async run(bench) {
      const body = ' {"b":1.0,"a":"\u2028\\u00e9"}\n';
      await bench.put({ body });
      const held = await bench.takeOne();
      await bench.backend.deadLetter(held, REASON);
      assert.equal((await only(bench)).body, held.body);
    },
  },
  {
    subject,
    name: "a dead letter keeps the code and the sentence it died by",
    appliesTo: inspectable,
    async run(bench) {
      await bury(bench);
      assert.deepEqual({ ...(await only(bench)).reason }, REASON);
    },
  },
  {
    subject,
    name: "a sentence of 10,000 characters is taken, and its first 2,000 are kept",
    appliesTo: inspectable,
    async run(bench) {
      const message = "0123456789".repeat(1_000);
      await bury(bench, {}, { code: "TEST", message });
      assert.equal((await only(bench)).reason.message, message.slice(0, 2_000));
    },
  },
  {
    subject,
    name: "a dead letter says which job it was, and when it died",
    appliesTo: inspectable,
    async run(bench) {
      const before = Date.now();
      const sent = await bury(bench, { type: "photo.resize" });
      const { id, type, queue, diedAt } = await only(bench);
      assert.deepEqual({ id, type, queue }, { id: sent, type: "photo.resize", queue: bench.queue });
      assertBetween(diedAt, before, Date.now(), bench.promptMs);
    },
  },
  {
    subject,
    name: "a dead letter says which attempt was the last",
    appliesTo: inspectable,
    async run(bench) {
      await bench.put();
      await bench.backend.retry(await bench.takeOne(), { delayMs: 0, countsAttempt: true });
      const last = await bench.takeOne();
      await bench.backend.deadLetter(last, REASON);
      assert.equal((await only(bench)).attempt, last.attempt);
    },
  },
];
