import assert from "node:assert/strict";
import type { Lease, Message } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { allOf, delays, excludesTypes, keyConcurrency } from "./applies-to.ts";
import { controlOf, controlRule, onlyJob } from "./control-bench.ts";
import { ack, acme, one } from "./limit-keys.ts";

/** A job of a key is leased, and another one for each part waits for that key. Returns the lease, and the ids of those that wait. */
async function lineOf(bench: Bench, ...parts: Partial<Message>[]): Promise<[Lease, ...string[]]> {
  await bench.put(acme);
  const leased = await bench.leaseOne(one);
  const sent = [];
  for (const part of parts) sent.push(...(await bench.put({ ...acme, ...part })));
  await bench.leaseNothing(undefined, one);
  return [leased, ...sent.map(({ id }) => id)];
}

/** Rules about job control of jobs that wait since their concurrency key is full. */
export const controlWaitingCases: readonly ContractCase[] = [
  controlRule(
    "a job whose key is full is listed as waiting, and is found by this state",
    async (bench) => {
      const [, waiting] = await lineOf(bench, {});
      const { id, dueAt, state } = await onlyJob(bench, { state: "waiting" });
      assert.deepEqual([id, dueAt, state], [waiting, null, "waiting"]);
    },
    keyConcurrency,
  ),
  controlRule(
    "a job that waits for its key and is cancelled is not delivered when the key is free",
    async (bench) => {
      const [leased, waiting = ""] = await lineOf(bench, {});
      assert.deepEqual(await controlOf(bench).cancel([waiting]), ["done"]);
      await ack(bench, leased);
      await bench.leaseNothing(undefined, one);
    },
    keyConcurrency,
  ),
  controlRule(
    "a cancelled job that waited for its key does not hold back the one behind it",
    async (bench) => {
      const [leased, cancelled = "", behind] = await lineOf(bench, {}, {});
      await controlOf(bench).cancel([cancelled]);
      await ack(bench, leased);
      assert.equal((await bench.leaseOne(one)).id, behind);
    },
    keyConcurrency,
  ),
  controlRule(
    "a job that waits for its key and is rescheduled to later is delivered then, and the one behind it before",
    async (bench) => {
      const delayMs = 10 * bench.tickMs;
      const [leased, later = "", behind] = await lineOf(bench, {}, {});
      const since = performance.now();
      assert.deepEqual(await controlOf(bench).reschedule([later], delayMs), ["done"]);
      await ack(bench, leased);
      const next = await bench.leaseOne(one);
      assert.equal(next.id, behind);
      await ack(bench, next);
      assert.equal((await bench.leaseOne(one)).id, later);
      const afterMs = performance.now() - since;
      assert.ok(afterMs >= delayMs - 2, `delivered after ${afterMs} ms, rescheduled by ${delayMs} ms`);
    },
    allOf(keyConcurrency, delays),
  ),
  controlRule(
    "a job that waits for its key and is rescheduled to now still waits for it",
    async (bench) => {
      const [leased, waiting = ""] = await lineOf(bench, {});
      assert.deepEqual(await controlOf(bench).reschedule([waiting], 0), ["done"]);
      await bench.leaseNothing(undefined, one);
      await ack(bench, leased);
      assert.equal((await bench.leaseOne(one)).id, waiting);
    },
    keyConcurrency,
  ),
  controlRule(
    "a job that waits for its key stays when the key is free while its type is excluded",
    async (bench) => {
      const [leased, waiting] = await lineOf(bench, { type: "paused.type" });
      await ack(bench, leased);
      await bench.leaseNothing(undefined, { ...one, excludeTypes: ["paused.type"] });
      assert.equal((await onlyJob(bench)).id, waiting);
      assert.equal((await bench.leaseOne(one)).id, waiting);
    },
    allOf(keyConcurrency, excludesTypes),
  ),
];
