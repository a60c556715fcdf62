import { measure } from "../measure.ts";
import { interleave } from "../rounds.ts";
import { row } from "../row.ts";
import { type Scenario, scaled } from "./scenario.ts";

const IN_FLIGHT = 50;

export const enqueueScenario: Scenario = {
  name: "enqueue",
  title: `enqueue with ${IN_FLIGHT} in flight, against raw one by one`,
  async run(scale) {
    const jobs = scaled(20_000, scale);
    const result = await interleave(scale.rounds, {
      ours: () => measure("enqueue", { jobs, width: IN_FLIGHT, logs: "off" }),
      logged: () => measure("enqueue", { jobs, width: IN_FLIGHT, logs: "on" }),
      raw: () => measure("rawEnqueue", { jobs: Math.ceil(jobs / 4), width: IN_FLIGHT }),
    });
    const common = { backend: "sqlite", concurrency: IN_FLIGHT, peer: "raw node:sqlite", unit: "jobs/s" } as const;
    return [
      row({ ...common, metric: "enqueue", ours: result.ours, theirs: result.raw }),
      row({ ...common, metric: "enqueue_logged", ours: result.logged, theirs: result.raw }),
    ];
  },
};
