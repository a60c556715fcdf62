import { join } from "node:path";
import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { nap } from "../src/jobs.ts";
import { eventually } from "../src/process.ts";
import { readDeeds } from "../src/record.ts";
import { freshStore, started } from "./stores.ts";

const KILLS = 20;
const LEASE_MS = 2_000;

for (const target of targets) {
  test(`R16, R40: on ${target.name}, 20 workers killed in the middle of their jobs lose none: each starts elsewhere within lease + 2 s`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "deeds");
    const queues = Array.from({ length: KILLS }, (_, n) => `q${n}`);
    const jobs = await connect(store.url, { log: "off" });
    const ids = await Promise.all(queues.map(async (queue) => (await jobs.enqueue(nap, {}, { queue })).id));
    const victims = queues.map((queue) =>
      started("worker", store.url, record, JSON.stringify({ queues: [queue], lease: LEASE_MS, concurrency: 1 })),
    );
    await eventually(() => readDeeds(record).length === KILLS, "every victim has started its job", 60_000);
    const rescuer = started(
      "worker",
      store.url,
      record,
      JSON.stringify({ queues, lease: LEASE_MS, concurrency: KILLS, ms: 50 }),
    );
    await eventually(() => rescuer.lines.some(({ event }) => event === "booted"), "the rescuer is up");
    const killedAt = Date.now();
    for (const victim of victims) victim.kill("SIGKILL");
    const deeds = await eventually(() => {
      const all = readDeeds(record);
      return all.filter(({ what }) => what === "end").length === KILLS && all;
    }, "every job has ended");

    const again = deeds.filter(({ what, pid }) => what === "start" && pid === rescuer.pid);
    expect(again.map(({ id }) => id).sort()).toEqual([...ids].sort());
    for (const { at, attempt } of again) {
      expect(at - killedAt).toBeLessThan(LEASE_MS + 2_000);
      expect(attempt).toBe(1);
    }
    expect(
      deeds
        .filter(({ what }) => what === "end")
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
    const settled = await eventually(() => {
      const lines = rescuer.lines.filter(({ event, outcome }) => event === "settled" && outcome === "completed");
      return lines.length === KILLS && lines;
    }, "every job is settled");
    for (const line of settled) expect(line).toMatchObject({ lost: 1, attempt: 1 });
    await jobs.close();
  });

  test(`on ${target.name}, a worker whose event loop stands still beyond its lease may duplicate, never lose, and its late settle is not counted`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "deeds");
    const jobs = await connect(store.url, { log: "off" });
    const { id } = await jobs.enqueue("fault.block", {});
    const settings = { queues: ["default"], lease: 500, concurrency: 1 };
    const frozen = started("worker", store.url, record, JSON.stringify({ ...settings, ms: target.frozenMs }));
    await eventually(() => readDeeds(record).length > 0, "the job has started");
    const other = started("worker", store.url, record, JSON.stringify({ ...settings, ms: 10 }));
    const done = await eventually(
      () => other.lines.find(({ event }) => event === "settled"),
      "the other worker has completed the job",
    );
    expect(done).toMatchObject({ id, outcome: "completed", lost: 1 });
    const late = await eventually(
      () => frozen.lines.find(({ event }) => event === "lease_lost"),
      "the late settle is refused",
    );
    expect(late).toMatchObject({ id });
    expect(frozen.lines.filter(({ event }) => event === "settled")).toEqual([]);
    await jobs.close();
  });

  test(`R38: on ${target.name}, a worker that is asked to stop releases its long job: started elsewhere within 2 s, attempt unspent`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "deeds");
    const jobs = await connect(store.url, { log: "off" });
    const { id } = await jobs.enqueue(nap, {});
    const settings = { queues: ["default"], lease: "30s", drain: "1s" };
    const leaving = started("worker", store.url, record, JSON.stringify(settings));
    await eventually(() => readDeeds(record).length === 1, "the job has started");
    const staying = started("worker", store.url, record, JSON.stringify({ ...settings, ms: 10 }));
    await eventually(() => staying.lines.some(({ event }) => event === "booted"), "the other worker is up");
    leaving.kill("SIGTERM");
    const done = await eventually(
      () => staying.lines.find(({ event }) => event === "settled"),
      "the job is done elsewhere",
    );
    expect(await leaving.ended).toBe(0);
    expect(leaving.lines.at(-1)).toMatchObject({ event: "stopped", reason: "SIGTERM", released: 1, unfinished: 0 });
    expect(done).toMatchObject({ id, outcome: "completed", attempt: 1, lost: 0 });
    const deeds = readDeeds(record);
    const [abort, again] = [
      deeds.find(({ what }) => what === "abort"),
      deeds.filter(({ what }) => what === "start")[1],
    ];
    expect((again?.at ?? Infinity) - (abort?.at ?? 0)).toBeLessThan(2_000);
    await jobs.close();
  });
}
