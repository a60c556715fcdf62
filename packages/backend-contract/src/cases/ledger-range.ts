import assert from "node:assert/strict";
import type { Bench, ContractCase } from "../contract-case.ts";
import { dueKeys, ledger, ledgerRule as rule, listedKeys, put } from "./ledger-calls.ts";

/** Keys that look like `a_/x` to a pattern, to a comparison without case and to one that ends too early. */
const ALIKE = ["a", "a_", "a_/x", "a_0", "ab/x", "A_/x", "a%/x"] as const;

export const ledgerRangeCases: readonly ContractCase[] = [
  rule("records are listed by the bytes of their keys", async (bench) => {
    const keys = ["c/!", "c/-", "c/1", "c/10", "c/2", "c/A", "c/Z", "c/_", "c/a", "c/a/b", "c/ab", "c/~"];
    for (const key of keys.toReversed()) await put(bench, key, "");
    assert.deepEqual(await listedKeys(bench), keys);
  }),
  rule("a list has the records whose key begins with the prefix, to the letter", async (bench) => {
    for (const key of ALIKE) await put(bench, key, "");
    assert.deepEqual(await listedKeys(bench, "a_/"), ["a_/x"]);
    assert.deepEqual(await listedKeys(bench, "a%"), ["a%/x"]);
    assert.equal((await listedKeys(bench, "")).length, ALIKE.length);
  }),
  rule("records under a prefix are due, to the letter", async (bench) => {
    for (const key of ALIKE) await put(bench, key, "", { dueInMs: 0 });
    assert.deepEqual(await dueKeys(bench, "a_/"), ["a_/x"]);
    assert.deepEqual(await dueKeys(bench, "a%"), ["a%/x"]);
  }),
  rule("a list has no more records than its limit", async (bench) => {
    for (const at of [1, 2, 3]) await put(bench, `c/${at}`, "");
    assert.deepEqual(await listedKeys(bench, "c/", 2), ["c/1", "c/2"]);
  }),
  rule("pages miss no record that stays, and repeat none, while others are written and deleted", async (bench) => {
    const keys = Array.from({ length: 12 }, (_, at) => `c/${10 + at}`);
    for (const key of keys) await put(bench, key, "");
    // After the first page, records go and come before and behind its end, and the end itself goes.
    const goes = ["c/10", "c/11", "c/13", "c/20"];
    const found = await listedInPages(bench, async () => {
      const gone = goes.map((key) => ({ key, ifVersion: "any" as const, value: null }));
      await ledger(bench).commit(gone);
      for (const key of ["c/0", "c/30"]) await put(bench, key, "");
    });
    const stay = keys.filter((key) => !goes.includes(key));
    assert.deepEqual(
      found.filter((key) => stay.includes(key)),
      stay,
    );
  }),
];

/** Lists in pages of 4. `between` is called once, after the first page. */
async function listedInPages(bench: Bench, between: () => Promise<void>): Promise<string[]> {
  const found = await listedKeys(bench, "c/", 4);
  await between();
  for (;;) {
    const after = found.at(-1);
    assert.ok(after !== undefined, "the first page is empty");
    const page = await ledger(bench).list({ prefix: "c/", after, limit: 4 });
    if (page.length === 0) return found;
    assert.ok(found.length < 100, "the pages do not end");
    found.push(...page.map(({ key }) => key));
  }
}
