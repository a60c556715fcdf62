import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { codesOf, valueOf } from "../expect.ts";
import { allOf, delays, shareable, uniqueKeys } from "./applies-to.ts";
import { assertFree, assertTaken, enqueue, failOnce, putUnique, rule, unique } from "./unique-steps.ts";

const equality: readonly ContractCase[] = [
  rule(
    "a key is taken in every queue: the second job is refused with DUPLICATE_JOB, and never delivered",
    async (bench) => {
      const id = await putUnique(bench);
      await assertTaken(bench, id);
      await assertTaken(bench, id, { ...unique(), queue: `${bench.queue}-other` });
      await bench.leaseOne();
      await bench.leaseNothing();
      await bench.leaseNothing(undefined, { queue: `${bench.queue}-other` });
    },
  ),
  rule("the same key of another type is another key", async (bench) => {
    await putUnique(bench);
    await assertFree(bench, { ...unique(), type: "contract.other" });
  }),
  rule("keys differ by case, by spaces at their end and by composition, up to 255 characters", async (bench) => {
    const long = "\u{1f4b3}".repeat(254);
    for (const key of ["K", "k", "k ", "\u00e9", "e\u0301", `${long}a`, `${long}b`]) {
      await assertFree(bench, unique({ key }));
    }
  }),
  rule("the same id with the same bytes is no conflict with itself", async (bench) => {
    const sent = bench.message(unique());
    assert.equal(valueOf((await bench.backend.enqueue([sent]))[0]).stored, true);
    assert.deepEqual(valueOf((await bench.backend.enqueue([sent]))[0]), { id: sent.id, stored: false });
  }),
  rule("a job whose key outlives it is not stored again under its id", async (bench) => {
    const sent = bench.message(unique({ until: 600_000 }));
    await bench.backend.enqueue([sent]);
    await bench.backend.ack([await bench.leaseOne()]);
    assert.deepEqual(valueOf((await bench.backend.enqueue([sent]))[0]), { id: sent.id, stored: false });
    await bench.leaseNothing();
  }),
  rule("equal jobs of one call are judged in their order, each by its own onConflict", async (bench) => {
    const first = bench.message(unique());
    const second = bench.message(unique({ onConflict: "ignore" }));
    const third = bench.message(unique());
    const results = await bench.backend.enqueue([first, second, third]);
    assert.deepEqual(codesOf(results), ["ok", "ok", "DUPLICATE_JOB"]);
    assert.equal(valueOf(results[1]).stored, false);
    assert.equal((await bench.leaseOne()).id, first.id);
    await bench.leaseNothing();
  }),
  rule('onConflict "replace" takes the place of an earlier job of the same call', async (bench) => {
    const before = await putUnique(bench);
    const first = bench.message(unique({ onConflict: "replace" }));
    const second = bench.message(unique({ onConflict: "replace" }));
    const results = (await bench.backend.enqueue([first, second])).map(valueOf);
    assert.deepEqual(
      results.map(({ replaced }) => replaced),
      [before, first.id],
    );
    assert.equal((await bench.leaseOne()).id, second.id);
    await bench.leaseNothing();
  }),
  rule("a job that is refused or ignored does not take its id", async (bench) => {
    await putUnique(bench);
    for (const onConflict of ["reject", "ignore"] as const) {
      const { unique: _, ...other } = bench.message();
      await enqueue(bench, { ...other, ...unique({ onConflict }) });
      assert.equal((await assertFree(bench, other)).stored, true, `after onConflict "${onConflict}"`);
    }
  }),
  rule(
    "of equal jobs that two connections enqueue at the same time, one is stored",
    async (bench) => {
      const other = await bench.second();
      for (let round = 0; round < 5; round += 1) {
        const calls = [bench.backend, other, bench.backend, other].map((from) =>
          from.enqueue([bench.message(unique({ key: `k${round}` }))]),
        );
        const codes = codesOf((await Promise.all(calls)).flat());
        assert.deepEqual(codes.toSorted(), ["DUPLICATE_JOB", "DUPLICATE_JOB", "DUPLICATE_JOB", "ok"]);
      }
      await bench.leaseExactly(5, { limit: 10 });
      await bench.leaseNothing();
    },
    allOf(uniqueKeys, shareable),
  ),
];

const conflicts: readonly ContractCase[] = [
  rule('onConflict "ignore" stores nothing, and the receipt names the other job', async (bench) => {
    const id = await putUnique(bench);
    const second = bench.message(unique({ onConflict: "ignore" }));
    assert.deepEqual(valueOf((await bench.backend.enqueue([second]))[0]), {
      id: second.id,
      stored: false,
      duplicateOf: id,
    });
    assert.equal((await bench.leaseOne()).id, id);
    await bench.leaseNothing();
  }),
  rule('onConflict "replace" removes the job that waits, and the receipt names it', async (bench) => {
    const id = await putUnique(bench);
    const receipt = await assertFree(bench, unique({ onConflict: "replace" }));
    assert.deepEqual(receipt, { id: receipt.id, stored: true, replaced: id });
    assert.equal((await bench.leaseOne()).id, receipt.id);
    await bench.leaseNothing();
    await assertTaken(bench, receipt.id);
  }),
  rule(
    'onConflict "replace" removes a job that is delayed',
    async (bench) => {
      await putUnique(bench, {}, { delayMs: 4 * bench.tickMs });
      const { id } = await assertFree(bench, unique({ onConflict: "replace" }));
      assert.equal((await bench.leaseOne()).id, id);
      await bench.leaseNothing(6 * bench.tickMs);
    },
    allOf(uniqueKeys, delays),
  ),
  rule('onConflict "replace" frees the id of the job that it removes', async (bench) => {
    const [sent] = await bench.put(unique());
    assert.ok(sent);
    await assertFree(bench, unique({ onConflict: "replace" }));
    const { unique: _, ...again } = sent;
    assert.equal((await assertFree(bench, again)).stored, true);
  }),
  rule('onConflict "replace" leaves a job that runs, and is refused', async (bench) => {
    const id = await putUnique(bench);
    const lease = await bench.leaseOne();
    await assertTaken(bench, id, unique({ onConflict: "replace" }));
    assert.deepEqual(codesOf(await bench.backend.ack([lease])), ["ok"]);
  }),
  rule('onConflict "replace" leaves a job that waits for its next attempt, and is refused', async (bench) => {
    const id = await putUnique(bench);
    await failOnce(bench);
    await assertTaken(bench, id, unique({ onConflict: "replace" }));
    assert.equal((await bench.leaseOne()).id, id);
  }),
  rule('onConflict "replace" leaves a job that was released, and is refused', async (bench) => {
    const id = await putUnique(bench);
    await bench.backend.retry(await bench.leaseOne(), { delayMs: 0, countsAttempt: false });
    await assertTaken(bench, id, unique({ onConflict: "replace" }));
  }),
];

/** Which jobs are equal, and what becomes of a job whose key is taken. */
export const uniqueCases: readonly ContractCase[] = [...equality, ...conflicts];
