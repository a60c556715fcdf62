import { measure } from "../measure.ts";
import { interleave } from "../rounds.ts";
import { row } from "../row.ts";
import type { Scenario } from "./scenario.ts";

const BUDGET_PERCENT = 1;

export const idleScenario: Scenario = {
  name: "idle",
  title: "CPU of a worker with nothing to do",
  async run(scale) {
    const seconds = Math.max(1, Math.round(5 * scale.share));
    const result = await interleave(scale.rounds, {
      ours: () => measure("idle", { seconds, schedules: 0 }),
      scheduled: () => measure("idle", { seconds, schedules: 1_000 }),
    });
    return [
      row({
        backend: "sqlite",
        metric: "idle_cpu",
        concurrency: 10,
        peer: "budget",
        unit: "%",
        ours: result.ours,
        theirs: BUDGET_PERCENT,
      }),
      row({
        backend: "sqlite",
        metric: "idle_cpu_1000_schedules",
        concurrency: 10,
        peer: "budget",
        unit: "%",
        ours: result.scheduled,
        theirs: BUDGET_PERCENT,
      }),
    ];
  },
};
