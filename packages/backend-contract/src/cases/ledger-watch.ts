import assert from "node:assert/strict";
import type { LedgerWatch } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { allOf, hasLedger, shareable, watches } from "./applies-to.ts";
import { ledger, put } from "./ledger-calls.ts";

const KEY = "c/1";

async function until(bench: Bench, what: string, isSo: () => boolean): Promise<void> {
  const end = performance.now() + bench.eventuallyMs;
  while (!isSo()) {
    assert.ok(performance.now() < end, what);
    await bench.sleep(Math.min(bench.tickMs, 20));
  }
}

/** Begins a watch and waits until it reports. */
async function watched(bench: Bench, changed: () => void): Promise<LedgerWatch> {
  const watch = ledger(bench).watch?.(KEY, changed);
  assert.ok(watch);
  await until(bench, "the watch never began to report", watch.isReporting);
  // What it calls because it has begun.
  await bench.sleep(2 * bench.tickMs);
  return watch;
}

const written = { key: KEY, ifVersion: "any", value: "2", notify: true } as const;

export const ledgerWatchCases: readonly ContractCase[] = [
  {
    subject: "ledger",
    name: "a watch is called after another connection has written its key, and no more once it has ended",
    appliesTo: allOf(hasLedger, watches, shareable),
    async run(bench) {
      await put(bench, KEY, "1");
      const other = { backend: await bench.second() };
      let calls = 0;
      const watch = await watched(bench, () => (calls += 1));
      const before = calls;
      assert.ok((await ledger(other).commit([written])).ok);
      await until(bench, "the watch was not called", () => calls > before);
      watch.end();
      const atEnd = calls;
      assert.ok((await ledger(other).commit([written])).ok);
      await bench.sleep(5 * bench.tickMs);
      assert.equal(calls, atEnd, "the watch was called after its end");
    },
  },
];
