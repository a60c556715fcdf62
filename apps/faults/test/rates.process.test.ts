import { join } from "node:path";
import { connect, defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { mostWithin, readLimited } from "../src/limits/record.ts";
import { eventually } from "../src/process.ts";
import { cutTo, isFull } from "./cut.ts";
import { freshStore, started } from "./stores.ts";

const SECONDS = isFull ? 60 : 10;
/** Of the rate. The full run asks for the whole throughput; a busy machine may do less. */
const LEAST_SHARE = isFull ? 0.95 : 0.2;
const RATE = 100;
const BURST = 20;
const PROCESSES = 4;

for (const target of cutTo("sqlite", "bullmq").filter(({ keepsWorkerRegistry }) => keepsWorkerRegistry)) {
  test(`on ${target.name}, 8 workers in 4 processes start ${RATE} jobs a second with a burst of ${BURST}: never more in any second, and each is released twice at most`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "starts");
    const limit = { rate: `${RATE}/1s`, burst: BURST };
    const job = defineJob<{ key: string }>({ type: "limited", limits: [{ ...limit, key: ({ key }) => key }] });
    const jobs = await connect(store.url, { log: "off" });
    const count = RATE * (SECONDS + 3);
    const items = Array.from({ length: count }, () => ({ job, payload: { key: "stripe" } }));
    for (const result of await jobs.enqueueMany(items)) if (!result.ok) throw result.error;
    const workers = Array.from({ length: PROCESSES }, () =>
      started("limits/worker", store.url, record, JSON.stringify({ limit, workers: 2 })),
    );
    const starts = await eventually(
      () => {
        const all = readLimited(record).filter(({ what }) => what === "start");
        return all.length > 0 && Date.now() - (all[0]?.at ?? 0) > (SECONDS + 1) * 1_000 && all;
      },
      "the jobs have run for long enough",
      (SECONDS + 90) * 1_000,
    );
    for (const worker of workers) worker.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toBe(0);
    await jobs.close();

    const times = starts.map(({ at }) => at).toSorted((a, b) => a - b);
    expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(RATE + BURST);
    // The first second is that of processes that start.
    const from = (times[0] ?? 0) + 1_000;
    const within = times.filter((at) => at >= from && at < from + (SECONDS - 1) * 1_000);
    const share = within.length / (RATE * (SECONDS - 1));
    console.log(
      `${target.name}: ${mostWithin(times, 1_000)} starts in a second at most, ${Math.round(share * 1_000) / 10} % of the rate`,
    );
    expect(share).toBeGreaterThanOrEqual(LEAST_SHARE);
    expect(Math.max(...starts.map(({ releases }) => releases))).toBeLessThanOrEqual(2);
    expect(new Set(starts.map(({ id }) => id)).size).toBe(starts.length);
  });
}
