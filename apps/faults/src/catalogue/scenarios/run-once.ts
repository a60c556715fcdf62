import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, derivedId, handlerFor } from "@waybill/core";
import { eventually } from "../../process.ts";
import { readDeeds } from "../../record.ts";
import { everywhere, none, type Scenario } from "../frame/scenario.ts";

const effect = defineJob({ type: "fault.effect" });

export const oneEffect: Scenario = {
  name: "one effect of many jobs",
  promise: "Jobs that share a key of once and run at the same time have one effect.",
  rows: ["R46"],
  on: everywhere,
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ freshStore, withLedger, connected }) {
    const url = withLedger(await freshStore());
    let effects = 0;
    const results: unknown[] = [];
    const work = handlerFor(effect, async (_, job) => {
      const run = async (): Promise<number> => {
        effects += 1;
        await sleep(300);
        return effects;
      };
      results.push(await job.once("charge", run, { scope: "invoice-7" }));
    });
    const workers = [await connected(url), await connected(url)];
    for (const jobs of workers) await jobs.worker({ jobs: [work] }).start();
    for (let count = 0; count < 6; count += 1) await workers[0]?.enqueue(effect, {});
    await eventually(() => results.length === 6, "six jobs have their result");
    assert.deepEqual([effects, new Set(results)], [1, new Set([1])]);
    return { accepted: 6, lost: [], duplicated: 0 };
  },
};

export const finishedId: Scenario = {
  name: "finished id",
  promise: "An id that is enqueued twice runs once, and with rememberIds it is not stored again once it has finished.",
  rows: ["R46"],
  on: everywhere,
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ freshStore, withLedger, connected, target }) {
    const url = withLedger(await freshStore());
    let runs = 0;
    const ended: string[] = [];
    const work = handlerFor(effect, async () => {
      runs += 1;
      await sleep(300);
    });
    const workers = [await connected(url, { rememberIds: "1d" }), await connected(url, { rememberIds: "1d" })];
    const id = derivedId(["effect", 7]);
    const copies = await Promise.all(workers.map((jobs) => jobs.enqueue(effect, {}, { id })));
    for (const jobs of workers) {
      jobs.events.on("settled", ({ outcome, reason }) => void ended.push(reason?.code ?? outcome));
      await jobs.worker({ jobs: [work], concurrency: 1, prefetch: 0 }).start();
    }
    const stored = copies.filter((receipt) => receipt.stored).length;
    assert.equal(stored, target.uniqueIds ? 1 : 2);
    const isDone = (): boolean => ended.includes("completed") && (stored === 1 || ended.includes("FINISHED_BEFORE"));
    await eventually(isDone, "every copy has ended");
    assert.equal(runs, 1);
    assert.deepEqual(await workers[0]?.enqueue(effect, {}, { id }), { id, stored: false });
    return { accepted: 1, lost: [], duplicated: 0 };
  },
};

export const killedAfterEffect: Scenario = {
  name: "kill after the effect",
  promise: "A worker that is killed between the effect of once and the settle leaves no second effect.",
  rows: ["R46"],
  on: everywhere,
  duplicates: { most: 6, why: "the handlers run again; their effects do not" },
  load: "waits",
  server: "shared",
  async run({ freshStore, withLedger, connected, started }) {
    const store = await freshStore();
    const url = withLedger(store);
    const record = join(store.folder, "deeds");
    const jobs = await connected(url);
    const ids: string[] = [];
    for (let count = 0; count < 6; count += 1) ids.push((await jobs.enqueue(effect, {})).id);
    const killed = started("run-once", url, record, JSON.stringify({ dieAfter: 3 }));
    assert.equal(await killed.ended, "SIGKILL");
    started("run-once", url, record, JSON.stringify({ dieAfter: 0 }));
    const idsOf = (what: string): string[] =>
      readDeeds(record)
        .filter((deed) => deed.what === what)
        .map(({ id }) => id);
    await eventually(() => new Set(idsOf("end")).size === 6, "every job has ended").catch(() => null);
    const effects = idsOf("start");
    // One effect may have been without a stored result when the process died beside it: that is the window that once names.
    const again = effects.length - new Set(effects).size;
    const ended = new Set(idsOf("end"));
    return {
      accepted: 6,
      lost: ids.filter((id) => !ended.has(id)),
      duplicated: 0,
      violations: [
        ...(new Set(effects).size === 6 ? [] : [`${new Set(effects).size} of 6 jobs had their effect`]),
        ...(again <= 1 ? [] : [`${again} effects came a second time, 1 at most`]),
      ],
    };
  },
};
