import assert from "node:assert/strict";
import type { JobTrace } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { rejectsWith } from "../expect.ts";
import { delays, keyConcurrency, priorities, traces } from "./applies-to.ts";
import { controlOf, controlRule } from "./control-bench.ts";
import { makeDeadLetter } from "./dead-letter.ts";
import { acme, one } from "./limit-keys.ts";

const trace = async (bench: Bench, id: string): Promise<JobTrace | null> =>
  (await controlOf(bench).trace?.(id)) ?? null;

/** The trace of a job that is in its queue. */
async function inQueue(bench: Bench, id: string): Promise<Extract<JobTrace, { place: "queue" }>> {
  const found = await trace(bench, id);
  assert.equal(found?.place, "queue");
  return found;
}

const traceRule = (
  name: string,
  run: ContractCase["run"],
  ...more: readonly NonNullable<ContractCase["appliesTo"]>[]
): ContractCase => controlRule(name, run, traces, ...more);

/** Rules about saying where an id is. */
export const controlTraceCases: readonly ContractCase[] = [
  traceRule("a ready job is traced with how many are leased before it", async (bench) => {
    const sent = await bench.put({}, {}, {});
    await bench.put({ queue: `${bench.queue}-other` });
    const counts = [];
    for (const { id } of sent) counts.push((await inQueue(bench, id)).ahead);
    assert.deepEqual(counts.toSorted(), [0, 1, 2]);
  }),
  traceRule(
    "a ready job is traced with how many of a higher priority are before it",
    async (bench) => {
      const [, last] = await bench.put({ priority: 10 }, { priority: 5 });
      await bench.put({ priority: 5 }, { priority: 10 }, { priority: -5 });
      const { higher } = await inQueue(bench, last?.id ?? "");
      assert.equal(higher, 2);
    },
    priorities,
  ),
  traceRule(
    "a job that is not ready has none before it",
    async (bench) => {
      const dead = await makeDeadLetter(bench);
      await bench.put();
      const leased = await bench.leaseOne();
      const [delayed] = await bench.put({ delayMs: 600_000 });
      await bench.put({}, {});
      for (const id of [dead, leased.id, delayed?.id ?? ""]) assert.equal((await inQueue(bench, id)).ahead, null);
    },
    delays,
  ),
  traceRule(
    "a job that waits for its concurrency key is traced with that limit and the jobs that have the key",
    async (bench) => {
      await bench.put(acme);
      const { id } = await bench.leaseOne(one);
      const [waiting] = await bench.put(acme);
      await bench.leaseNothing(undefined, one);
      const { full } = await inQueue(bench, waiting?.id ?? "");
      assert.deepEqual([full?.name, full?.jobs], ["sync", [id]]);
    },
    keyConcurrency,
  ),
  traceRule("an id that is not there has no trace", async (bench) => {
    await bench.put();
    assert.equal(await trace(bench, crypto.randomUUID()), null);
  }),
  traceRule("a trace by a closed connection rejects BACKEND_CLOSED", async (bench) => {
    const [sent] = await bench.put();
    await bench.backend.close();
    await rejectsWith("BACKEND_CLOSED", trace(bench, sent?.id ?? ""));
  }),
];
