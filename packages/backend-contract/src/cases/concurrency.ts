import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { allOf, keyConcurrency, shareable } from "./applies-to.ts";
import { ack, acme, both, idsOf, leaseSoon, one } from "./limit-keys.ts";

const subject = "concurrency";

const globex = { limitKeys: { sync: "globex" } };

export const concurrencyCases: readonly ContractCase[] = [
  {
    subject,
    name: "a job whose key is full stays, and a job of another key is leased",
    appliesTo: keyConcurrency,
    async run({ put, leaseOne, leaseNothing }) {
      const [first, second] = await put(acme, acme);
      const [other] = await put(globex);
      const leased = idsOf([await leaseOne(one), await leaseOne(one)]);
      assert.ok(leased.includes(other?.id ?? ""), "the job of the other key was not leased");
      assert.equal(leased.filter((id) => id === first?.id || id === second?.id).length, 1);
      await leaseNothing(undefined, one);
    },
  },
  {
    subject,
    name: "jobs without a key are leased beside any number of others",
    appliesTo: keyConcurrency,
    async run({ put, leaseOne }) {
      await put(acme);
      await leaseOne(one);
      const sent = await put({}, {});
      assert.deepEqual(idsOf([await leaseOne(one), await leaseOne(one)]), idsOf(sent));
    },
  },
  {
    subject,
    name: "one call leases no more jobs of a key than the number, and later calls none beside them",
    appliesTo: keyConcurrency,
    async run({ put, lease, leaseOne, leaseNothing, eventuallyMs }) {
      const three = { concurrency: { sync: 3 } };
      await put(acme, acme, acme, acme, acme);
      const first = await lease({ limit: 10, waitMs: eventuallyMs, ...three });
      assert.ok(first.length >= 1 && first.length <= 3, `3 may be leased, got ${first.length}`);
      for (let count = first.length; count < 3; count += 1) await leaseOne(three);
      await leaseNothing(undefined, three);
    },
  },
  {
    subject,
    name: "a key counts over every connection",
    appliesTo: allOf(keyConcurrency, shareable),
    async run({ put, leaseOne, leaseNothing, second }) {
      const from = await second();
      await put(acme, acme);
      await leaseOne(one);
      await leaseNothing(undefined, { ...one, from });
    },
  },
  {
    subject,
    name: "a key counts over all queues, and the end of its lease lets a job of another queue start",
    appliesTo: keyConcurrency,
    async run(bench) {
      const { queue, put, leaseOne, leaseNothing } = bench;
      const other = { queue: `${queue}-other` };
      await put(acme);
      const [next] = await put({ ...acme, ...other });
      const leased = await leaseOne(one);
      await leaseNothing(undefined, { ...one, ...other });
      await ack(bench, leased);
      assert.equal((await leaseSoon(bench, { ...one, ...other })).id, next?.id);
    },
  },
  {
    subject,
    name: "a limit that the call does not name is not enforced",
    appliesTo: keyConcurrency,
    async run({ put, leaseOne }) {
      const sent = await put(acme, acme);
      const asked = { concurrency: { another: 1 } };
      assert.deepEqual(idsOf([await leaseOne(asked), await leaseOne(asked)]), idsOf(sent));
    },
  },
  {
    subject,
    name: "a lease counts under its keys although its call named no limit",
    appliesTo: keyConcurrency,
    async run({ put, leaseOne, leaseNothing }) {
      await put(acme, acme);
      await leaseOne();
      await leaseNothing(undefined, one);
    },
  },
  {
    subject,
    name: "the number of the last call counts, raised or lowered",
    appliesTo: keyConcurrency,
    async run(bench) {
      const { put, leaseOne, leaseNothing } = bench;
      const two = { concurrency: { sync: 2 } };
      await put(acme, acme, acme);
      const first = await leaseOne(one);
      await leaseNothing(undefined, one);
      const second = await leaseOne(two);
      await leaseNothing(undefined, two);
      await ack(bench, first);
      await leaseNothing(undefined, one);
      await ack(bench, second);
      await leaseOne(one);
    },
  },
  {
    subject,
    name: "a job with keys of two limits starts when neither is full",
    appliesTo: keyConcurrency,
    async run(bench) {
      const { put, leaseOne, leaseNothing } = bench;
      await put({ limitKeys: { sync: "1" } });
      const sync = await leaseOne(both);
      await put({ limitKeys: { api: "1" } });
      const api = await leaseOne(both);
      const [last] = await put({ limitKeys: { api: "1", sync: "1" } });
      await leaseNothing(undefined, both);
      await ack(bench, sync);
      await leaseNothing(undefined, both);
      await ack(bench, api);
      assert.equal((await leaseOne(both)).id, last?.id);
    },
  },
];
