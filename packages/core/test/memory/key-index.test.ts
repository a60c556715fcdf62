import { expect, test } from "vitest";
import { createKeyIndex } from "../../src/memory/key-index.ts";
import { createLedger } from "../../src/memory/ledger.ts";

/** The same numbers in every run. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
}

test.each([3, 40, 5_000])("keys are in order after any changes, with about %i between two reads", (changes) => {
  const random = randomOf(changes);
  const index = createKeyIndex();
  const keys = new Set<string>();
  for (let round = 0; round < 30; round++) {
    for (let change = 0; change < changes; change++) {
      const key = `${random(3)}/${random(3_000)}`;
      if (keys.delete(key)) index.remove(key);
      else if (keys.add(key)) index.add(key);
    }
    const after = round % 2 === 0 ? "" : `1/${random(3_000)}`;
    const expected = [...keys].filter((key) => key.startsWith("1/") && key > after).sort();
    expect([...index.under("1/", after)]).toEqual(expected);
  }
});

test(
  "100,000 records make a write and the list after it no slower than they are by themselves",
  { timeout: 30_000 },
  async () => {
    let version = 0;
    const ledger = createLedger(() => ++version);
    const random = randomOf(7);
    for (let from = 0; from < 100; from++) {
      const changes = Array.from({ length: 1_000 }, () => `unique/${random(1e9)}/${version++}`);
      await ledger.commit(changes.map((key) => ({ key, ifVersion: "any", value: "1", expiresInMs: 3_600_000 })));
    }
    await ledger.list({ prefix: "", limit: 1 });
    const since = performance.now();
    for (let write = 0; write < 50; write++) {
      await ledger.commit([{ key: `unique/${random(1e9)}`, ifVersion: "any", value: "1", expiresInMs: 3_600_000 }]);
      await ledger.list({ prefix: "control/", limit: 1_000 });
    }
    // To sort them after each write took half a second for each.
    expect((performance.now() - since) / 50).toBeLessThan(5);
  },
);
