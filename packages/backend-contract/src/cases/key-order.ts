import assert from "node:assert/strict";
import { inspectorOf, jobControlOf } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { allOf, controllable, delays, fifo, inspectable, keyConcurrency, priorities } from "./applies-to.ts";
import { ack, acme, idsOf, leaseSoon, one } from "./limit-keys.ts";

const subject = "concurrency";

export const keyOrderCases: readonly ContractCase[] = [
  {
    subject,
    name: "jobs of a key are leased in the order of their enqueue, those that waited before those that came later",
    appliesTo: allOf(keyConcurrency, fifo),
    async run(bench) {
      const sent = [...(await bench.put(acme))];
      let leased = await bench.leaseOne(one);
      sent.push(...(await bench.put(acme)), ...(await bench.put(acme)));
      await bench.leaseNothing(undefined, one);
      sent.push(...(await bench.put(acme)));
      for (const { id } of sent.slice(1)) {
        await ack(bench, leased);
        leased = await bench.leaseOne(one);
        assert.equal(leased.id, id);
      }
    },
  },
  {
    subject,
    name: "of the jobs that wait for a key, the one of the highest priority is next",
    appliesTo: allOf(keyConcurrency, priorities),
    async run(bench) {
      await bench.put(acme);
      const leased = await bench.leaseOne(one);
      await bench.put({ ...acme, priority: -50 });
      const [urgent] = await bench.put({ ...acme, priority: 50 });
      await bench.leaseNothing(undefined, one);
      await ack(bench, leased);
      assert.equal((await bench.leaseOne(one)).id, urgent?.id);
    },
  },
  {
    subject,
    name: "a delayed job of a key takes no slot of it",
    appliesTo: allOf(keyConcurrency, delays),
    async run({ put, leaseOne }) {
      await put({ ...acme, delayMs: 60_000 });
      const [sent] = await put(acme);
      assert.equal((await leaseOne(one)).id, sent?.id);
    },
  },
  {
    subject,
    name: "a job whose delay ends while its key is full waits for it",
    appliesTo: allOf(keyConcurrency, delays),
    async run(bench) {
      await bench.put(acme);
      const leased = await bench.leaseOne(one);
      const [delayed] = await bench.put({ ...acme, delayMs: 2 * bench.tickMs });
      await bench.leaseNothing(6 * bench.tickMs, one);
      await ack(bench, leased);
      assert.equal((await bench.leaseOne(one)).id, delayed?.id);
    },
  },
  {
    subject,
    name: "a retried job counts under its key again",
    appliesTo: keyConcurrency,
    async run(bench) {
      const sent = await bench.put(acme, acme);
      await bench.backend.retry(await bench.leaseOne(one), { delayMs: 0, countsAttempt: true });
      const first = await bench.leaseOne(one);
      await bench.leaseNothing(undefined, one);
      await ack(bench, first);
      assert.deepEqual(idsOf([first, await bench.leaseOne(one)]), idsOf(sent));
    },
  },
  {
    subject,
    name: "a replayed dead letter counts under its key again",
    appliesTo: allOf(keyConcurrency, inspectable),
    async run({ backend, put, leaseOne, leaseNothing }) {
      await put(acme);
      await backend.deadLetter(await leaseOne(one), { code: "TEST", message: "it failed" });
      assert.equal(await inspectorOf(backend)?.replay(), 1);
      await leaseOne(one);
      await put(acme);
      await leaseNothing(undefined, one);
    },
  },
  {
    subject,
    name: "a cancel of the next job of a key lets the one behind it start",
    appliesTo: allOf(keyConcurrency, controllable),
    async run(bench) {
      await bench.put(acme);
      const leased = await bench.leaseOne(one);
      const [next] = await bench.put(acme);
      const [behind] = await bench.put(acme);
      await bench.leaseNothing(undefined, one);
      await ack(bench, leased);
      assert.deepEqual(await jobControlOf(bench.backend)?.cancel([next?.id ?? ""]), ["done"]);
      assert.equal((await leaseSoon(bench, one)).id, behind?.id);
    },
  },
  {
    subject,
    name: "jobs that wait for a key are counted as ready",
    appliesTo: allOf(keyConcurrency, inspectable),
    async run({ backend, queue, put, leaseOne, leaseNothing }) {
      await put(acme, acme, acme);
      await leaseOne(one);
      await leaseNothing(undefined, one);
      const counts = (await inspectorOf(backend)?.counts())?.find((count) => count.queue === queue);
      assert.deepEqual({ ready: counts?.ready, leased: counts?.leased }, { ready: 2, leased: 1 });
    },
  },
];
