import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { assertBetween, codesOf } from "../expect.ts";
import { allOf, delays, failuresCounted, retryDelays } from "./applies-to.ts";

const subject = "delay";

/** Over 2^31 ms, where a timer set in one piece would ring at once. */
const THIRTY_DAYS_MS = 30 * 86_400_000;

export const delayCases: readonly ContractCase[] = [
  {
    subject,
    name: "a message does not come before its delay has passed, and comes then",
    appliesTo: delays,
    async run({ put, leaseOne, tickMs }) {
      const before = performance.now();
      await put({ delayMs: 6 * tickMs });
      await leaseOne();
      const tookMs = performance.now() - before;
      assert.ok(tookMs >= 6 * tickMs - 2, `it came after ${tookMs} of ${6 * tickMs} ms`);
    },
  },
  {
    subject,
    name: "the longest delay allowed, or 30 days, is not taken for none",
    appliesTo: delays,
    async run({ backend, put, leaseNothing, tickMs }) {
      await put({ delayMs: Math.min(backend.capabilities.maxDelayMs, THIRTY_DAYS_MS) });
      await leaseNothing(4 * tickMs);
    },
  },
  {
    subject,
    name: "a long delay does not hold up a shorter one behind it",
    appliesTo: delays,
    async run({ backend, put, leaseOne, tickMs }) {
      await put({ delayMs: Math.min(backend.capabilities.maxDelayMs, 60_000) });
      const [second] = await put({ delayMs: 4 * tickMs });
      assert.equal((await leaseOne()).id, second?.id);
    },
  },
  {
    subject,
    name: "dueAt says when the delay ended, in Unix milliseconds",
    appliesTo: delays,
    async run({ put, leaseOne, tickMs, promptMs }) {
      const delayMs = 3 * tickMs;
      const before = Date.now();
      await put({ delayMs });
      const after = Date.now();
      assertBetween((await leaseOne()).dueAt, before + delayMs, after + delayMs, promptMs);
    },
  },
  {
    subject,
    name: "after a delayed retry dueAt says when that delay ended",
    appliesTo: allOf(retryDelays, failuresCounted),
    async run({ backend, put, leaseOne, tickMs, promptMs }) {
      await put({ delayMs: backend.capabilities.maxDelayMs > 0 ? tickMs : 0 });
      const first = await leaseOne();
      const delayMs = 6 * tickMs;
      const before = Date.now();
      await backend.retry(first, { delayMs, countsAttempt: true });
      const after = Date.now();
      const { dueAt } = await leaseOne();
      assertBetween(dueAt, before + delayMs, after + delayMs, promptMs);
      // The end of the first delay lies within the slack, so the two are told apart by each other.
      assert.ok((dueAt ?? 0) - (first.dueAt ?? 0) > delayMs / 2, `dueAt is ${dueAt}, before the retry ${first.dueAt}`);
    },
  },
  {
    subject,
    name: "a delivered message without a delay is due",
    async run({ backend, put, leaseOne, tickMs }) {
      await put();
      const first = await leaseOne();
      await backend.retry(first, { delayMs: 0, countsAttempt: true });
      for (const { dueAt } of [first, await leaseOne()]) {
        assert.ok(dueAt === null || dueAt <= Date.now() + tickMs, `dueAt is ${dueAt}, and it is ${Date.now()}`);
      }
    },
  },
  {
    subject,
    name: "a delay over maxDelayMs is refused, and the message is not stored",
    appliesTo: (has) => has.maxDelayMs !== Infinity || "any delay is allowed at enqueue (maxDelayMs)",
    async run({ backend, message, leaseNothing }) {
      const delayMs = backend.capabilities.maxDelayMs + 1;
      assert.deepEqual(codesOf(await backend.enqueue([message({ delayMs })])), ["CAPABILITY_MISSING"]);
      await leaseNothing();
    },
  },
];
