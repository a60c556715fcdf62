import assert from "node:assert/strict";
import { assertBetween } from "../expect.ts";
import type { ContractCase } from "../contract-case.ts";
import { dueKeys, ledger, ledgerRule as rule, listedKeys, put, recordOf, valueIn, versionIn } from "./ledger-calls.ts";

const LONG_MS = 60_000;

const due: readonly ContractCase[] = [
  rule("a record is due once its time has passed, and not before", async (bench) => {
    await put(bench, "c/1", "", { dueInMs: bench.leaseMs });
    await put(bench, "c/2", "", { dueInMs: LONG_MS });
    assert.deepEqual(await dueKeys(bench), []);
    await bench.sleep(bench.leaseMs + bench.tickMs);
    assert.deepEqual(await dueKeys(bench), ["c/1"]);
  }),
  rule("a record without a due time is never due, and its dueInMs is null", async (bench) => {
    await put(bench, "c/1", "");
    assert.equal((await recordOf(bench, "c/1"))?.dueInMs, null);
    await bench.sleep(bench.tickMs);
    assert.deepEqual(await dueKeys(bench), []);
  }),
  rule("a record that is written again is due by its new time alone", async (bench) => {
    for (const key of ["c/1", "c/2"]) await put(bench, key, "", { dueInMs: 0 });
    await ledger(bench).commit([
      { key: "c/1", ifVersion: "any", value: "new", dueInMs: LONG_MS },
      { key: "c/2", ifVersion: "any", value: "new" },
    ]);
    await bench.sleep(bench.tickMs);
    assert.deepEqual(await dueKeys(bench), []);
  }),
  rule("what is due longest comes first, and what is due since the same moment comes by key", async (bench) => {
    const { tickMs } = bench;
    await ledger(bench).commit(
      [
        ["c/1", 4 * tickMs],
        ["c/2", 0],
        ["c/4", 2 * tickMs],
        ["c/3", 2 * tickMs],
      ].map(([key, dueInMs]) => ({ key: String(key), ifVersion: "absent", value: "", dueInMs: Number(dueInMs) })),
    );
    await bench.sleep(6 * tickMs);
    assert.deepEqual(await dueKeys(bench), ["c/2", "c/3", "c/4", "c/1"]);
  }),
  rule("of many records, those that are due longest are returned up to the limit", async (bench) => {
    const { tickMs } = bench;
    const changes = [1, 2, 3].map((at) => ({
      key: `c/${at}`,
      ifVersion: "absent" as const,
      value: "",
      dueInMs: (3 - at) * 2 * tickMs,
    }));
    await ledger(bench).commit(changes);
    await bench.sleep(6 * tickMs);
    assert.deepEqual((await dueKeys(bench, "c/", 2)).sort(), ["c/2", "c/3"]);
  }),
  rule("dueInMs is how long it takes until the record is due, and below 0 once it is", async (bench) => {
    const before = performance.now();
    await put(bench, "c/1", "", { dueInMs: LONG_MS });
    await put(bench, "c/2", "", { dueInMs: 0 });
    const after = performance.now();
    await bench.sleep(5 * bench.tickMs);
    const atLeast = performance.now() - after;
    const [one, two] = await ledger(bench).read(["c/1", "c/2"]);
    const atMost = performance.now() - before;
    assertBetween(one?.dueInMs ?? null, LONG_MS - atMost, LONG_MS - atLeast, bench.tickMs);
    assertBetween(two?.dueInMs ?? null, -atMost, -atLeast, bench.tickMs);
  }),
];

const expiry: readonly ContractCase[] = [
  rule("a record is there until it expires, and then neither read, listed nor due", async (bench) => {
    await put(bench, "c/1", "one", { dueInMs: 0, expiresInMs: bench.leaseMs });
    assert.equal(await valueIn(bench, "c/1"), "one");
    await bench.sleep(bench.leaseMs + bench.tickMs);
    assert.equal(await recordOf(bench, "c/1"), null);
    assert.deepEqual([await listedKeys(bench), await dueKeys(bench)], [[], []]);
  }),
  rule("the key of an expired record is absent, and its next record has another version", async (bench) => {
    await put(bench, "c/1", "one", { expiresInMs: bench.shortMs });
    const first = await versionIn(bench, "c/1");
    await bench.sleep(bench.shortMs + bench.tickMs);
    await put(bench, "c/1", "two");
    assert.notEqual(await versionIn(bench, "c/1"), first);
  }),
  rule("a record that is written again expires by its new time alone", async (bench) => {
    for (const key of ["c/1", "c/2"]) await put(bench, key, "", { expiresInMs: bench.leaseMs });
    await ledger(bench).commit([
      { key: "c/1", ifVersion: "any", value: "new", expiresInMs: LONG_MS },
      { key: "c/2", ifVersion: "any", value: "new" },
    ]);
    await bench.sleep(bench.leaseMs + bench.tickMs);
    assert.deepEqual([await valueIn(bench, "c/1"), await valueIn(bench, "c/2")], ["new", "new"]);
  }),
];

export const ledgerTimeCases: readonly ContractCase[] = [...due, ...expiry];
