import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { allOf, controllable, inspectable, timedLeases, uniqueKeys } from "./applies-to.ts";
import { controlOf } from "./control-bench.ts";
import { inspector } from "./dead-letter.ts";
import { assertFree, assertTaken, failOnce, putUnique, rule, unique } from "./unique-steps.ts";

const REASON = { code: "TEST", message: "to free its key" };

const freed: readonly ContractCase[] = [
  rule("an ack frees the key", async (bench) => {
    await putUnique(bench);
    await bench.backend.ack([await bench.leaseOne()]);
    await assertFree(bench);
  }),
  rule("a dead letter frees the key", async (bench) => {
    await putUnique(bench);
    await bench.backend.deadLetter(await bench.leaseOne(), REASON);
    await assertFree(bench);
  }),
  rule(
    "a cancelled job frees its key, unless that is taken for a time",
    async (bench) => {
      const ids = [await putUnique(bench), await putUnique(bench, { key: "timed", until: 600_000 })];
      await controlOf(bench).cancel(ids);
      await assertFree(bench);
      await assertTaken(bench, ids[1], unique({ key: "timed" }));
    },
    allOf(uniqueKeys, controllable),
  ),
  rule("a retry does not free a key that is taken until the end", async (bench) => {
    const id = await putUnique(bench);
    await failOnce(bench);
    await assertTaken(bench, id);
  }),
  rule("a release does not free a key that is taken until the end", async (bench) => {
    const id = await putUnique(bench);
    await bench.backend.retry(await bench.leaseOne(), { delayMs: 0, countsAttempt: false });
    await assertTaken(bench, id);
  }),
  rule(
    "a lease that runs out does not free a key that is taken until the end",
    async (bench) => {
      const id = await putUnique(bench);
      await bench.leaseOne({ leaseMs: bench.shortMs });
      await bench.sleep(bench.shortMs + bench.tickMs);
      await assertTaken(bench, id);
      assert.equal((await bench.leaseOne()).id, id);
      await assertTaken(bench, id);
    },
    allOf(uniqueKeys, timedLeases),
  ),
  rule(
    "a late settle does not free the key",
    async (bench) => {
      const id = await putUnique(bench);
      const late = await bench.leaseOne({ leaseMs: bench.shortMs });
      await bench.leaseOne();
      const [result] = await bench.backend.ack([late]);
      // That a late ack is refused is a rule of its own.
      if (result?.ok !== true) await assertTaken(bench, id);
    },
    allOf(uniqueKeys, timedLeases),
  ),
];

const untilStart: readonly ContractCase[] = [
  rule(
    "a key that is taken until the start is free from the first lease on: one waits while one runs",
    async (bench) => {
      const first = await putUnique(bench, { until: "start" });
      await assertTaken(bench, first, unique({ until: "start" }));
      await bench.leaseOne();
      await assertFree(bench, unique({ until: "start" }));
    },
  ),
  rule("a job that started does not have its key again when it waits for its next attempt", async (bench) => {
    await putUnique(bench, { until: "start" });
    await failOnce(bench);
    await assertFree(bench, unique({ until: "start" }));
  }),
  rule("the end of a job that had its key until the start leaves the key to the job that has it now", async (bench) => {
    await putUnique(bench, { until: "start" });
    const lease = await bench.leaseOne();
    const { id } = await assertFree(bench, unique({ until: "start", onConflict: "ignore" }));
    await bench.backend.ack([lease]);
    await assertTaken(bench, id, unique({ until: "start" }));
  }),
];

const untilTime: readonly ContractCase[] = [
  rule("a key that is taken for a time stays taken when its job has ended", async (bench) => {
    const id = await putUnique(bench, { until: 600_000 });
    await bench.backend.ack([await bench.leaseOne()]);
    await assertTaken(bench, id);
    await assertTaken(bench, id, unique({ onConflict: "replace" }));
  }),
  rule("a key that is taken for a time stays taken when its job is a dead letter", async (bench) => {
    const id = await putUnique(bench, { until: 600_000 });
    await bench.backend.deadLetter(await bench.leaseOne(), REASON);
    await assertTaken(bench, id);
  }),
  rule("a key that is taken for a time is free once that has passed, though its job is unfinished", async (bench) => {
    const until = Math.max(10 * bench.tickMs, 500);
    const id = await putUnique(bench, { until });
    await assertTaken(bench, id);
    await bench.sleep(until + bench.tickMs);
    await assertFree(bench);
  }),
];

const replayed: readonly ContractCase[] = [
  rule(
    "a dead letter whose key another job has stays one, and its replay rejects DUPLICATE_JOB",
    async (bench) => {
      const id = await putUnique(bench);
      await bench.backend.deadLetter(await bench.leaseOne(), REASON);
      const { id: rival } = await assertFree(bench, unique({ onConflict: "ignore" }));
      await assert.rejects(inspector(bench).replay({ ids: [id] }), { code: "DUPLICATE_JOB", id, duplicateOf: rival });
      const lease = await bench.leaseOne();
      assert.equal(lease.id, rival);
      await bench.leaseNothing();
      await bench.backend.ack([lease]);
      assert.equal(await inspector(bench).replay({ ids: [id] }), 1, "it is no dead letter any more");
    },
    allOf(uniqueKeys, inspectable),
  ),
  rule(
    "a replayed dead letter has its key again",
    async (bench) => {
      const id = await putUnique(bench);
      await bench.backend.deadLetter(await bench.leaseOne(), REASON);
      await inspector(bench).replay();
      await assertTaken(bench, id);
    },
    allOf(uniqueKeys, inspectable),
  ),
  rule(
    "a replay asks for no key that was taken for a time: the dead letter is replayed though another job has it now",
    async (bench) => {
      const until = Math.max(10 * bench.tickMs, 500);
      const id = await putUnique(bench, { until });
      await bench.backend.deadLetter(await bench.leaseOne(), REASON);
      await bench.sleep(until + bench.tickMs);
      await assertFree(bench);
      assert.equal(await inspector(bench).replay({ ids: [id] }), 1);
    },
    allOf(uniqueKeys, inspectable),
  ),
  rule(
    "the other dead letters are replayed before a replay rejects DUPLICATE_JOB",
    async (bench) => {
      const ids: string[] = [];
      for (const key of ["a", "b"]) {
        ids.push(await putUnique(bench, { key }));
        await bench.backend.deadLetter(await bench.leaseOne(), REASON);
        await bench.sleep(bench.tickMs);
      }
      const { id } = await assertFree(bench, unique({ key: "a", onConflict: "ignore" }));
      await Promise.allSettled([inspector(bench).replay()]);
      const found = await bench.leaseExactly(2);
      assert.deepEqual(found.map((lease) => lease.id).toSorted(), [id, ids[1]].toSorted());
    },
    allOf(uniqueKeys, inspectable),
  ),
];

/** How long a key is taken, and who has it after a replay. */
export const uniqueUntilCases: readonly ContractCase[] = [...freed, ...untilStart, ...untilTime, ...replayed];
