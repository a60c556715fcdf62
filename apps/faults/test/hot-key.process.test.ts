import { join } from "node:path";
import { connect, defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { readLimited } from "../src/limits/record.ts";
import { eventually } from "../src/process.ts";
import { cutTo, isFull } from "./cut.ts";
import { freshStore, started } from "./stores.ts";

const HOT = isFull ? 10_000 : 500;
const OTHERS = HOT / 10;

const limit = { concurrency: 1 };
const limited = defineJob<{ key: string }>({ type: "limited", limits: [{ ...limit, key: ({ key }) => key }] });

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Infinity;

for (const target of cutTo("sqlite", "postgres").filter(({ keepsWorkerRegistry }) => keepsWorkerRegistry)) {
  test(`on ${target.name}, ${HOT} jobs of one key that run one by one do not hold up ${OTHERS} jobs of other keys behind them`, async () => {
    /** Returns how long each job of another key has waited, from the first start of all, and how many of the hot key have run. */
    async function waits(hot: number): Promise<{ waitMs: number; hotRuns: number }> {
      const store = await freshStore(target);
      const record = join(store.folder, "runs");
      const jobs = await connect(store.url, { log: "off" });
      const keys = [...Array.from({ length: hot }, () => "hot"), ...Array.from({ length: OTHERS }, (_, n) => `k${n}`)];
      for (const result of await jobs.enqueueMany(keys.map((key) => ({ job: limited, payload: { key } }))))
        if (!result.ok) throw result.error;
      const settings = JSON.stringify({ limit, workers: 1, concurrency: 20, ms: 20 });
      const workers = [1, 2].map(() => started("limits/worker", store.url, record, settings));
      const starts = await eventually(
        () => {
          const all = readLimited(record).filter(({ what }) => what === "start");
          return all.filter(({ key }) => key !== "hot").length === OTHERS && all;
        },
        "the jobs of the other keys have started",
        180_000,
      );
      for (const worker of workers) worker.kill("SIGKILL");
      await jobs.close();
      const first = Math.min(...starts.map(({ at }) => at));
      const waitMs = median(starts.filter(({ key }) => key !== "hot").map(({ at }) => at - first));
      return { waitMs, hotRuns: starts.filter(({ key }) => key === "hot").length };
    }
    const [without, beside] = [await waits(0), await waits(HOT)];
    console.log(
      `${target.name}: median wait ${without.waitMs} ms without ${HOT} jobs of a hot key, ${beside.waitMs} ms with them`,
    );
    expect(beside.hotRuns).toBeLessThan(HOT / 2);
  });
}
