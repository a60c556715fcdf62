import assert from "node:assert/strict";
import type { DeadLetterRecord, DeadLetterQuery, DeadReason, ErrorRecord, Inspector } from "@waybill/core";
import { inspectorOf } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { assertBetween } from "../expect.ts";
import { inspectable } from "./applies-to.ts";

const subject = "dead-letter";

const REASON: DeadReason = {
  code: "ATTEMPTS_EXHAUSTED",
  message: "it failed 10 times; the last time: no route to host",
};

/** Near the longest that there is, and with characters that some stores refuse. */
const THROWN: ErrorRecord = {
  name: "CardDeclined",
  code: "card_declined",
  message: `no money on "Käthe's" card \u{1f4b3}\u2028\n${"long ".repeat(100)}end`,
  stack: Array.from({ length: 8 }, (_, at) => `at pay${at} (/srv/app/src/${"deep/".repeat(30)}pay.ts:7:${at})`),
  causes: [
    { name: "RangeError", code: null, message: "limit of 7 <&>", stack: ["at limit (/srv/app/src/limit.ts:3:1)"] },
    { name: "Error", code: "11000", message: "", stack: [] },
  ],
};

/** Returns the inspector of a backend that has one. */
export function inspector({ backend }: Bench): Inspector {
  const found = inspectorOf(backend);
  assert.ok(found);
  return found;
}

/** Enqueues, leases and dead-letters one message, and returns its id. */
export async function makeDeadLetter(bench: Bench, part = {}, reason: DeadReason = REASON): Promise<string> {
  const [sent] = await bench.put(part);
  assert.ok(sent);
  await bench.backend.deadLetter(await bench.leaseOne({ queue: sent.queue }), reason);
  return sent.id;
}

/** Returns the only dead letter. */
async function only(bench: Bench, query?: DeadLetterQuery): Promise<DeadLetterRecord> {
  const found = await inspector(bench).deadLetters(query);
  assert.equal(found.length, 1, `${found.length} dead letters instead of 1`);
  return found[0] as DeadLetterRecord;
}

export const deadLetterCases: readonly ContractCase[] = [
  {
    subject,
    name: "a dead-lettered message is not delivered again, not even when its lease would have ended",
    async run({ backend, put, leaseOne, leaseNothing, leaseMs, tickMs }) {
      await put();
      await backend.deadLetter(await leaseOne({ leaseMs }), REASON);
      await leaseNothing(leaseMs + 2 * tickMs);
    },
  },
  {
    subject,
    name: "a dead letter keeps the bytes that were delivered",
    appliesTo: inspectable,
    async run(bench) {
      const body = ' {"b":1.0,"a":"\u2028\\u00e9"}\n';
      await bench.put({ body });
      const leased = await bench.leaseOne();
      await bench.backend.deadLetter(leased, REASON);
      assert.equal((await only(bench)).body, leased.body);
    },
  },
  {
    subject,
    name: "a dead letter keeps the code and the sentence it died by",
    appliesTo: inspectable,
    async run(bench) {
      await makeDeadLetter(bench);
      assert.deepEqual({ ...(await only(bench)).reason }, REASON);
    },
  },
  {
    subject,
    name: "a dead letter keeps what was thrown, causes and stack included, beside a long body",
    appliesTo: inspectable,
    async run(bench) {
      await makeDeadLetter(bench, { body: JSON.stringify("x".repeat(200_000)) }, { ...REASON, error: THROWN });
      assert.deepEqual((await only(bench)).reason.error, THROWN);
    },
  },
  {
    subject,
    name: "a sentence of 10,000 characters is taken, and its first 2,000 are kept",
    appliesTo: inspectable,
    async run(bench) {
      const message = "0123456789".repeat(1_000);
      await makeDeadLetter(bench, {}, { code: "TEST", message });
      assert.equal((await only(bench)).reason.message, message.slice(0, 2_000));
    },
  },
  {
    subject,
    name: "a dead letter says which job it was, and when it died",
    appliesTo: inspectable,
    async run(bench) {
      const before = Date.now();
      const sent = await makeDeadLetter(bench, { type: "photo.resize" });
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
      await bench.backend.retry(await bench.leaseOne(), { delayMs: 0, countsAttempt: true });
      const last = await bench.leaseOne();
      await bench.backend.deadLetter(last, REASON);
      assert.equal((await only(bench)).attempt, last.attempt);
    },
  },
];
