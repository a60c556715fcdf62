import { measure } from "../measure.ts";
import { row, rounded } from "../row.ts";
import { type Scenario, scaled } from "./scenario.ts";

/** Compared with the process's own past: `theirs` is resident memory after a quarter of the jobs; the ratio's limit is 1.1. */
export const memoryScenario: Scenario = {
  name: "memory",
  title: "resident memory after 200,000 jobs, against after 50,000",
  async run(scale) {
    const [early = 0, late = 0] = await measure("memory", {
      after: [scaled(50_000, scale), scaled(200_000, scale)],
    });
    return [
      row({
        backend: "sqlite",
        metric: "rss",
        concurrency: 50,
        peer: "none",
        unit: "MiB",
        ours: rounded(late),
        theirs: rounded(early),
      }),
    ];
  },
};
