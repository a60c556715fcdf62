import assert from "node:assert/strict";
import type { Bench, ContractCase } from "../contract-case.ts";
import type { Lease } from "@waybill/core/backend";
import { delays, failuresCounted, shareable, timedLeases } from "./applies-to.ts";

const subject = "waiting";

/** Starts a call that waits, then does something, and asserts that one message arrives soon after `dueMs`. */
export async function wakes(bench: Bench, act: () => Promise<unknown>, dueMs = 0): Promise<void> {
  const waiting = bench.lease({ waitMs: dueMs + bench.eventuallyMs });
  await bench.sleep(2 * bench.tickMs);
  await act();
  // From here: a store may first have to lay out what the act needs.
  const before = performance.now();
  assert.equal((await waiting).length, 1, "the waiting call ended with nothing");
  const lateMs = Math.round(performance.now() - before - dueMs);
  assert.ok(lateMs < bench.promptMs, `the waiting call was woken ${lateMs} ms late`);
}

/** Starts four waiting calls, does something, waits for `expected` messages and a little longer, and returns their ids. */
async function fourWait(bench: Bench, expected: number, act: () => Promise<unknown>): Promise<string[]> {
  const stop = new AbortController();
  const asked = { waitMs: bench.eventuallyMs, signal: stop.signal };
  const found: Lease[] = [];
  const waiting = Array.from({ length: 4 }, async () => found.push(...(await bench.lease(asked))));
  await bench.sleep(2 * bench.tickMs);
  await act();
  const before = performance.now();
  while (found.length < expected && performance.now() - before < bench.promptMs) await bench.sleep(bench.tickMs);
  await bench.sleep(2 * bench.tickMs);
  stop.abort();
  await Promise.all(waiting);
  return found.map((lease) => lease.id);
}

const looks: readonly ContractCase[] = [
  {
    subject,
    name: "waitMs 0 looks once and returns at once",
    async run({ lease, promptMs }) {
      // The first call of a queue may lay it out.
      await lease({ waitMs: 0 });
      const before = performance.now();
      assert.deepEqual(await lease({ waitMs: 0 }), []);
      assert.ok(performance.now() - before < promptMs, "it waited");
    },
  },
  {
    subject,
    name: "a call that finds nothing waits for waitMs, no shorter and no longer",
    async run({ lease, tickMs, promptMs }) {
      const waitMs = 6 * tickMs;
      await lease({ waitMs: 0 });
      const before = performance.now();
      assert.deepEqual(await lease({ waitMs }), []);
      const tookMs = performance.now() - before;
      assert.ok(tookMs >= waitMs - 2, `it gave up after ${tookMs} of ${waitMs} ms`);
      assert.ok(tookMs < waitMs + promptMs, `it took ${tookMs} of ${waitMs} ms`);
    },
  },
];

const wakeUps: readonly ContractCase[] = [
  {
    subject,
    name: "an arriving message wakes a waiting call",
    run: (bench) => wakes(bench, () => bench.put()),
  },
  {
    subject,
    name: "a message enqueued through another connection wakes a waiting call",
    appliesTo: shareable,
    async run(bench) {
      const other = await bench.second();
      await wakes(bench, () => other.enqueue([bench.message()]));
    },
  },
  {
    subject,
    name: "the end of a delay wakes a waiting call",
    appliesTo: delays,
    run: (bench) => wakes(bench, () => bench.put({ delayMs: 5 * bench.tickMs }), 5 * bench.tickMs),
  },
  {
    subject,
    name: "the end of a lease that was not settled wakes a waiting call",
    appliesTo: timedLeases,
    async run(bench) {
      await bench.put();
      await bench.leaseOne({ leaseMs: 8 * bench.tickMs });
      await wakes(bench, async () => {}, 8 * bench.tickMs);
    },
  },
  {
    subject,
    name: "a released message wakes a waiting call",
    async run(bench) {
      await bench.put();
      const leased = await bench.leaseOne();
      await wakes(bench, () => bench.backend.retry(leased, { delayMs: 0, countsAttempt: false }));
    },
  },
  {
    subject,
    name: "one message goes to one of several waiting calls",
    async run(bench) {
      const found = await fourWait(bench, 1, () => bench.put());
      assert.equal(found.length, 1);
    },
  },
  {
    subject,
    name: "messages that arrive together wake as many calls as they can serve",
    async run(bench) {
      const found = await fourWait(bench, 3, () => bench.put({}, {}, {}));
      assert.equal(new Set(found).size, 3);
    },
  },
];

const aborts: readonly ContractCase[] = [
  {
    subject,
    name: "an abort ends the wait with nothing, at once and without rejecting",
    async run({ lease, sleep, tickMs, promptMs, eventuallyMs }) {
      const stop = new AbortController();
      const waiting = lease({ waitMs: eventuallyMs, signal: stop.signal });
      await sleep(2 * tickMs);
      const before = performance.now();
      stop.abort();
      assert.deepEqual(await waiting, []);
      assert.ok(performance.now() - before < promptMs, "it went on waiting after the abort");
    },
  },
  {
    subject,
    name: "a call aborted before it began takes nothing",
    async run({ put, lease, leaseExactly }) {
      await put();
      assert.deepEqual(await lease({ signal: AbortSignal.abort() }), []);
      await leaseExactly(1);
    },
  },
  {
    subject,
    name: "a message that arrives with an abort or after it is neither lost nor counted",
    appliesTo: failuresCounted,
    async run({ backend, lease, message, leaseOne, sleep, tickMs, eventuallyMs }) {
      for (const pauseMs of [0, 2 * tickMs]) {
        const stop = new AbortController();
        const waiting = lease({ waitMs: eventuallyMs, signal: stop.signal });
        await sleep(tickMs);
        stop.abort();
        if (pauseMs > 0) await sleep(pauseMs);
        await backend.enqueue([message()]);
        const found = (await waiting)[0] ?? (await leaseOne());
        const counted = found.attempt + found.lost + found.releases;
        assert.ok(counted <= 1, "a delivery that no call got was counted");
        await backend.ack([found]);
      }
    },
  },
];

export const waitingCases: readonly ContractCase[] = [...looks, ...wakeUps, ...aborts];
