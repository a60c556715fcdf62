import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { allOf, excludesTypes, keyConcurrency } from "./applies-to.ts";

const subject = "concurrency";

const two = { queueConcurrency: 2 };
const paused = { excludeTypes: ["paused.type", "another.type"] };

export const queueLimitCases: readonly ContractCase[] = [
  {
    subject,
    name: "no more jobs of a queue are leased than its number, over all calls",
    appliesTo: keyConcurrency,
    async run({ backend, put, lease, leaseOne, leaseNothing, eventuallyMs }) {
      await put({}, {}, {}, {});
      const leased = await lease({ limit: 10, waitMs: eventuallyMs, ...two });
      assert.ok(leased.length >= 1 && leased.length <= 2, `2 may be leased, got ${leased.length}`);
      while (leased.length < 2) leased.push(await leaseOne(two));
      await leaseNothing(undefined, two);
      await backend.ack(leased.slice(0, 1));
      await leaseOne(two);
      await leaseNothing(undefined, two);
    },
  },
  {
    subject,
    name: "the end of a lease wakes a call that waits for a slot of its queue",
    appliesTo: keyConcurrency,
    async run({ backend, put, lease, leaseOne, sleep, tickMs, promptMs, eventuallyMs }) {
      const asked = { queueConcurrency: 1 };
      await put({}, {});
      const leased = await leaseOne(asked);
      const waiting = lease({ waitMs: eventuallyMs, ...asked });
      await sleep(2 * tickMs);
      await backend.ack([leased]);
      const before = performance.now();
      assert.equal((await waiting).length, 1, "the waiting call ended with nothing");
      assert.ok(performance.now() - before < promptMs, "the waiting call was woken late");
    },
  },
  {
    subject,
    name: "jobs of excluded types stay where they are until a call takes them",
    appliesTo: excludesTypes,
    async run({ put, leaseOne, leaseNothing }) {
      const [first] = await put({ type: "paused.type" });
      const [second] = await put({ type: "other.type" });
      assert.equal((await leaseOne(paused)).id, second?.id);
      await leaseNothing(undefined, paused);
      const { id, releases } = await leaseOne();
      assert.deepEqual({ id, releases }, { id: first?.id, releases: 0 });
    },
  },
  {
    subject,
    name: "a job of an excluded type does not hold back others of its key",
    appliesTo: allOf(keyConcurrency, excludesTypes),
    async run({ backend, put, leaseOne, leaseNothing }) {
      const one = { ...paused, concurrency: { sync: 1 } };
      const limitKeys = { sync: "acme" };
      await put({ limitKeys });
      const leased = await leaseOne(one);
      await put({ type: "paused.type", limitKeys });
      const [behind] = await put({ limitKeys });
      // Without the exclusion: both wait for the key now.
      await leaseNothing(undefined, { concurrency: one.concurrency });
      await backend.ack([leased]);
      assert.equal((await leaseOne(one)).id, behind?.id);
    },
  },
];
