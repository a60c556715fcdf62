import { measure } from "../measure.ts";
import { interleave } from "../rounds.ts";
import { row } from "../row.ts";
import { type Scenario, scaled } from "./scenario.ts";

const BUDGET_US = 20;
const CONCURRENCY = 50;

export const cpuScenario: Scenario = {
  name: "cpu",
  title: "CPU of core alone, from enqueue to settled, on the memory backend",
  async run(scale) {
    const jobs = scaled(100_000, scale);
    const result = await interleave(scale.rounds, {
      off: () => measure("cpu", { jobs, concurrency: CONCURRENCY, logs: "off" }),
      on: () => measure("cpu", { jobs, concurrency: CONCURRENCY, logs: "on" }),
    });
    const common = { backend: "memory", concurrency: CONCURRENCY, unit: "us" } as const;
    return [
      row({ ...common, metric: "cpu", peer: "budget", ours: result.off, theirs: BUDGET_US }),
      row({ ...common, metric: "cpu_logged", peer: "none", ours: result.on, theirs: null }),
    ];
  },
};
