import { measure } from "../measure.ts";
import { interleave } from "../rounds.ts";
import { row } from "../row.ts";
import { type Scenario, scaled } from "./scenario.ts";

const SIZE = 1_000;

export const bulkScenario: Scenario = {
  name: "bulk",
  title: `enqueue ${SIZE} jobs a call, against raw transactions of ${SIZE}`,
  async run(scale) {
    const jobs = Math.max(SIZE, scaled(50_000, scale));
    const result = await interleave(scale.rounds, {
      ours: () => measure("bulk", { jobs, size: SIZE, logs: "off" }),
      raw: () => measure("rawBulk", { jobs, width: SIZE }),
    });
    return [
      row({
        backend: "sqlite",
        metric: "enqueue_bulk",
        concurrency: SIZE,
        peer: "raw node:sqlite",
        unit: "jobs/s",
        ours: result.ours,
        theirs: result.raw,
      }),
    ];
  },
};
