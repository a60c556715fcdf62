import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, derivedId, handlerFor, type Jobs } from "@waybill/core";
import { afterEach, expect, test } from "vitest";
import { type FaultTarget, targets } from "../src/backends.ts";
import { eventually } from "../src/process.ts";
import { readDeeds } from "../src/record.ts";
import { freshStore, started, urlWithLedger } from "./stores.ts";

const effect = defineJob({ type: "fault.effect" });
const open: Jobs[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((jobs) => jobs.close()));
});

async function connected(url: string, rememberIds?: "1d"): Promise<Jobs> {
  const jobs = await connect(url, { log: "off", rememberIds });
  open.push(jobs);
  return jobs;
}

const urlOf = async (target: FaultTarget): Promise<string> => urlWithLedger(target, await freshStore(target));

for (const target of targets) {
  test(`R46: on ${target.name}, jobs that share a key and run at the same time have one effect`, async () => {
    const url = await urlOf(target);
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
    expect([effects, new Set(results)]).toEqual([1, new Set([1])]);
  });

  test(`R46: on ${target.name}, an id that is enqueued twice runs once, and is not stored again once it has finished`, async () => {
    const url = await urlOf(target);
    let runs = 0;
    const ended: string[] = [];
    const work = handlerFor(effect, async () => {
      runs += 1;
      await sleep(300);
    });
    const workers = [await connected(url, "1d"), await connected(url, "1d")];
    const id = derivedId(["effect", 7]);
    const copies = await Promise.all(workers.map((jobs) => jobs.enqueue(effect, {}, { id })));
    for (const jobs of workers) {
      jobs.events.on("settled", ({ outcome, reason }) => void ended.push(reason?.code ?? outcome));
      await jobs.worker({ jobs: [work], concurrency: 1, prefetch: 0 }).start();
    }
    const stored = copies.filter((receipt) => receipt.stored).length;
    expect(stored).toBe(target.uniqueIds ? 1 : 2);
    const isDone = (): boolean => ended.includes("completed") && (stored === 1 || ended.includes("FINISHED_BEFORE"));
    await eventually(isDone, "every copy has ended");
    expect(runs).toBe(1);
    expect(await workers[0]?.enqueue(effect, {}, { id })).toEqual({ id, stored: false });
  });

  test(`R46: on ${target.name}, a worker killed between the effect and the settle leaves no second effect`, async () => {
    const store = await freshStore(target);
    const url = urlWithLedger(target, store);
    const record = join(store.folder, "deeds");
    const jobs = await connected(url);
    for (let count = 0; count < 6; count += 1) await jobs.enqueue(effect, {});
    const killed = started("run-once", url, record, JSON.stringify({ dieAfter: 3 }));
    expect(await killed.ended).toBe("SIGKILL");
    started("run-once", url, record, JSON.stringify({ dieAfter: 0 }));
    const idsOf = (what: string): string[] =>
      readDeeds(record)
        .filter((deed) => deed.what === what)
        .map(({ id }) => id);
    await eventually(() => new Set(idsOf("end")).size === 6, "every job has ended");
    const effects = idsOf("start");
    // One effect may have been without a stored result when the process died beside it: that is the window that once names.
    expect(new Set(effects).size).toBe(6);
    expect(effects.length).toBeLessThanOrEqual(7);
    expect(effects.length - new Set(effects).size).toBeLessThanOrEqual(1);
  });
}
