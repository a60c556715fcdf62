import assert from "node:assert/strict";
import type { ControlResult, Message } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { rejectsWith } from "../expect.ts";
import { delays, retryDelays, shareable, timedLeases } from "./applies-to.ts";
import { controlOf, controlRule, idsOf, listAll, onlyJob, putMany } from "./control-bench.ts";
import { makeDeadLetter } from "./dead-letter.ts";
import { labelOf } from "./retry.ts";

const FAR_MS = 600_000;

const idOf = ([message]: readonly Message[]): string => message?.id ?? "";

const cancelling: readonly ContractCase[] = [
  controlRule("a cancelled job that was ready is not delivered", async (bench) => {
    const id = idOf(await bench.put());
    await controlOf(bench).cancel([id]);
    await bench.leaseNothing();
  }),
  controlRule(
    "a cancelled job that was delayed is not delivered when its time comes",
    async (bench) => {
      const delayMs = 5 * bench.tickMs;
      const id = idOf(await bench.put({ delayMs }));
      await controlOf(bench).cancel([id]);
      await bench.leaseNothing(delayMs + 2 * bench.tickMs);
    },
    delays,
  ),
  controlRule("a leased job is not cancelled, and its lease is still good", async (bench) => {
    await bench.put();
    const lease = await bench.leaseOne();
    assert.deepEqual(await controlOf(bench).cancel([lease.id]), ["leased"]);
    await bench.backend.retry(lease, { delayMs: 0, countsAttempt: false });
    assert.equal((await bench.leaseOne()).id, lease.id);
  }),
  controlRule(
    "a job whose lease has ended can be cancelled, and is not delivered again",
    async (bench) => {
      const id = idOf(await bench.put());
      await bench.leaseOne({ leaseMs: bench.shortMs });
      await bench.sleep(bench.shortMs + bench.tickMs);
      assert.deepEqual(await controlOf(bench).cancel([id]), ["done"]);
      await bench.leaseNothing();
    },
    timedLeases,
  ),
  controlRule("a dead letter is not cancelled", async (bench) => {
    const id = await makeDeadLetter(bench);
    assert.deepEqual(await controlOf(bench).cancel([id]), ["dead"]);
    assert.deepEqual(idsOf(await listAll(bench, { ids: [id] })), [id]);
  }),
  controlRule("the cancel of an id that is not there is absent, not an error", async (bench) => {
    assert.deepEqual(await controlOf(bench).cancel(["no-such-id"]), ["absent"]);
  }),
  controlRule("an id that was cancelled may be enqueued again", async (bench) => {
    const id = idOf(await bench.put());
    await controlOf(bench).cancel([id]);
    await bench.put({ id });
    assert.equal((await bench.leaseOne()).id, id);
  }),
  controlRule(
    "a cancel of 1,000 ids says of each, in order, what became of it, and leaves the other jobs",
    async (bench) => {
      const sent = await putMany(bench, 999);
      const absent = crypto.randomUUID();
      const asked = sent.slice(0, 998).map(({ id }) => id);
      const results = await controlOf(bench).cancel([...asked.slice(0, 7), absent, ...asked.slice(7), "no-such-id"]);
      const expected = Array.from({ length: 1_000 }, (): ControlResult => "done").fill("absent", 7, 8);
      assert.deepEqual(results, expected.fill("absent", 999));
      assert.deepEqual(idsOf(await listAll(bench)), [sent[998]?.id]);
    },
  ),
];

const rescheduling: readonly ContractCase[] = [
  controlRule(
    "a job that is rescheduled to now wakes a waiting call",
    async (bench) => {
      const id = idOf(await bench.put({ delayMs: FAR_MS }));
      const waiting = bench.lease({ waitMs: bench.eventuallyMs });
      await bench.sleep(2 * bench.tickMs);
      const since = performance.now();
      await controlOf(bench).reschedule([id], 0);
      assert.equal((await waiting)[0]?.id, id);
      assert.ok(performance.now() - since < bench.promptMs, "the waiting call was not woken");
    },
    delays,
  ),
  controlRule(
    "a ready job that is rescheduled to later is delivered then, and not before",
    async (bench) => {
      const delayMs = 10 * bench.tickMs;
      const id = idOf(await bench.put());
      const since = performance.now();
      assert.deepEqual(await controlOf(bench).reschedule([id], delayMs), ["done"]);
      assert.equal((await bench.leaseOne()).id, id);
      const afterMs = performance.now() - since;
      assert.ok(afterMs >= delayMs - 2, `delivered after ${afterMs} ms, rescheduled by ${delayMs} ms`);
    },
    delays,
  ),
  controlRule(
    "a delayed job may be rescheduled to an earlier time",
    async (bench) => {
      const delayMs = 5 * bench.tickMs;
      const id = idOf(await bench.put({ delayMs: FAR_MS }));
      await controlOf(bench).reschedule([id], delayMs);
      await bench.sleep(delayMs + bench.tickMs);
      assert.equal((await bench.leaseOne()).id, id);
    },
    delays,
  ),
  controlRule("a leased job is not rescheduled, and its lease is still good", async (bench) => {
    await bench.put();
    const lease = await bench.leaseOne();
    assert.deepEqual(await controlOf(bench).reschedule([lease.id], 0), ["leased"]);
    await bench.leaseNothing();
    await bench.backend.retry(lease, { delayMs: 0, countsAttempt: false });
    assert.equal((await bench.leaseOne()).id, lease.id);
  }),
  controlRule("neither a dead letter nor an absent job is rescheduled", async (bench) => {
    const dead = await makeDeadLetter(bench);
    assert.deepEqual(await controlOf(bench).reschedule(["no-such-id", dead], 0), ["absent", "dead"]);
    await bench.leaseNothing();
  }),
  controlRule(
    "a rescheduled job has the label and the bytes of one that was not",
    async (bench) => {
      const priority = bench.backend.capabilities.priorityLevels > 1 ? 3 : 0;
      const signature = { timestamp: 1_790_000_000, value: "v1,c2lnbmF0dXJl" };
      const body = ' {"b":1.0,"a":"\u2028 żółw"}\n';
      const part = { type: "mail.album_ready", tenant: "acme", priority, signature, body };
      await bench.put(part);
      const plain = await bench.leaseOne();
      const id = idOf(await bench.put({ ...part, delayMs: FAR_MS }));
      await controlOf(bench).reschedule([id], 0);
      assert.deepEqual(labelOf(await bench.leaseOne()), { ...labelOf(plain), id });
    },
    delays,
  ),
  controlRule(
    "a rescheduled job keeps the number of its attempt",
    async (bench) => {
      const id = idOf(await bench.put());
      await bench.backend.retry(await bench.leaseOne(), { delayMs: FAR_MS, countsAttempt: true });
      const { attempt } = await onlyJob(bench);
      await controlOf(bench).reschedule([id], 0);
      assert.equal((await bench.leaseOne()).attempt, attempt);
    },
    retryDelays,
  ),
  controlRule(
    "1,000 delayed jobs that are rescheduled to now are delivered at once",
    async (bench) => {
      const sent = await putMany(bench, 1_000, { delayMs: FAR_MS });
      const ids = sent.map(({ id }) => id);
      const results = await controlOf(bench).reschedule(ids, 0);
      assert.deepEqual(
        results.filter((result) => result !== "done"),
        [],
      );
      const leased = await bench.leaseExactly(ids.length, { limit: 100 });
      assert.deepEqual(idsOf(leased), ids.toSorted());
    },
    delays,
  ),
];

const connections: readonly ContractCase[] = [
  controlRule(
    "every connection lists, cancels and reschedules the jobs of all",
    async (bench) => {
      const backend = await bench.second();
      const [cancelled, ready] = await bench.put({}, {});
      assert.ok(cancelled && ready);
      assert.deepEqual(await controlOf({ backend }).cancel([cancelled.id]), ["done"]);
      assert.deepEqual(await controlOf({ backend }).reschedule([ready.id], 0), ["done"]);
      assert.deepEqual(idsOf((await controlOf({ backend }).list({})).jobs), [ready.id]);
    },
    shareable,
  ),
  controlRule("the job control of a closed connection rejects BACKEND_CLOSED", async (bench) => {
    await bench.backend.close();
    await rejectsWith("BACKEND_CLOSED", controlOf(bench).list({}));
    await rejectsWith("BACKEND_CLOSED", controlOf(bench).cancel(["a"]));
    await rejectsWith("BACKEND_CLOSED", controlOf(bench).reschedule(["a"], 0));
  }),
];

/** Rules about changing jobs that wait. `control-list.ts` has those about listing them. */
export const controlCases: readonly ContractCase[] = [...cancelling, ...rescheduling, ...connections];
