import assert from "node:assert/strict";
import type { Backend, Lease } from "@waybill/core/backend";
import type { Asked, Bench, ContractCase } from "../contract-case.ts";
import { allOf, delays, fifo, keyConcurrency, shareable, timedLeases } from "./applies-to.ts";
import { ack, acme, both, idsOf, leaseSoon, one } from "./limit-keys.ts";

const subject = "concurrency";

/** Starts a call that waits, then does something, and asserts that the call gets one message soon. */
async function wakesCall(bench: Bench, asked: Asked, act: () => Promise<unknown>): Promise<void> {
  const waiting = bench.lease({ waitMs: bench.eventuallyMs, ...asked });
  await bench.sleep(2 * bench.tickMs);
  await act();
  const before = performance.now();
  assert.equal((await waiting).length, 1, "the waiting call ended with nothing");
  const lateMs = Math.round(performance.now() - before);
  assert.ok(lateMs < bench.promptMs, `the waiting call was woken ${lateMs} ms late`);
}

/** Ways in which the lease of a job ends, so that it is neither running nor ready. */
const ends: readonly { name: string; end(bench: Bench, lease: Lease): Promise<void> }[] = [
  {
    name: "a counted retry",
    end: ({ backend }, lease) => backend.retry(lease, { delayMs: 60_000, countsAttempt: true }),
  },
  {
    name: "a release",
    end: ({ backend }, lease) => backend.retry(lease, { delayMs: 60_000, countsAttempt: false }),
  },
  {
    name: "a dead letter",
    end: ({ backend }, lease) => backend.deadLetter(lease, { code: "TEST", message: "it failed" }),
  },
];

export const keyEndCases: readonly ContractCase[] = [
  ...ends.map(({ name, end }): ContractCase => ({
    subject,
    name: `${name} lets the next job of the key start`,
    appliesTo: allOf(keyConcurrency, delays),
    async run(bench) {
      const { put, leaseOne, leaseNothing } = bench;
      await put(acme);
      const leased = await leaseOne(one);
      const [next] = await put(acme);
      await leaseNothing(undefined, one);
      await end(bench, leased);
      assert.equal((await leaseSoon(bench, one)).id, next?.id);
    },
  })),
  {
    subject,
    name: "every job of an ack lets the next one of its key start",
    appliesTo: keyConcurrency,
    async run(bench) {
      const { put, leaseOne, leaseNothing } = bench;
      const keys = [{ limitKeys: { api: "1" } }, { limitKeys: { sync: "1" } }];
      await put(...keys);
      const leased = [await leaseOne(both), await leaseOne(both)];
      const next = await put(...keys);
      await leaseNothing(undefined, both);
      await ack(bench, ...leased);
      assert.deepEqual(idsOf([await leaseSoon(bench, both), await leaseSoon(bench, both)]), idsOf(next));
    },
  },
  {
    subject,
    name: "the end of a lease lets the next job of its key start in each queue, whichever is leased from first",
    appliesTo: keyConcurrency,
    async run(bench) {
      const { queue, put, lease, leaseOne } = bench;
      const queues = [queue, `${queue}-other`, `${queue}-third`].map((name) => ({ queue: name }));
      await put(acme);
      const leased = await leaseOne(one);
      for (const other of queues) await put({ ...acme, ...other });
      for (const other of queues) {
        // That a key counts over all queues is a rule of its own.
        if ((await lease({ ...one, ...other })).length > 0) return;
      }
      await ack(bench, leased);
      await leaseSoon(bench, { ...one, ...queues[2] });
    },
  },
  {
    subject,
    name: "the end of a lease that was not settled frees its key",
    appliesTo: allOf(keyConcurrency, timedLeases),
    async run(bench) {
      const { put, leaseOne, leaseNothing, shortMs } = bench;
      const sent = await put(acme, acme);
      await leaseOne({ ...one, leaseMs: 2 * shortMs });
      const first = await leaseOne(one);
      await leaseNothing(undefined, one);
      await ack(bench, first);
      assert.deepEqual(idsOf([first, await leaseOne(one)]), idsOf(sent));
    },
  },
  {
    subject,
    name: "a job that finds its second key full lets another of its first key start",
    appliesTo: allOf(keyConcurrency, fifo),
    async run(bench) {
      const { put, leaseOne, leaseNothing } = bench;
      await put({ limitKeys: { api: "1" } });
      const api = await leaseOne(both);
      await put({ limitKeys: { sync: "1" } });
      await leaseOne(both);
      await put({ limitKeys: { api: "1", sync: "1" } });
      await leaseNothing(undefined, both);
      const [behind] = await put({ limitKeys: { api: "1" } });
      await leaseNothing(undefined, both);
      await ack(bench, api);
      assert.equal((await leaseSoon(bench, both)).id, behind?.id);
    },
  },
  {
    subject,
    name: "the end of a lease wakes a call that waits for its key",
    appliesTo: keyConcurrency,
    async run(bench) {
      await bench.put(acme, acme);
      const leased = await bench.leaseOne(one);
      await wakesCall(bench, one, () => ack(bench, leased));
    },
  },
  {
    subject,
    name: "the end of a lease on another connection wakes a call that waits for its key",
    appliesTo: allOf(keyConcurrency, shareable),
    async run(bench) {
      const from: Backend = await bench.second();
      await bench.put(acme, acme);
      const leased = await bench.leaseOne({ ...one, from });
      await wakesCall(bench, one, () => from.ack([leased]));
    },
  },
];
