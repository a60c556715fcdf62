import { measure } from "../measure.ts";
import { percentile } from "../rounds.ts";
import { type Row, row, rounded } from "../row.ts";
import type { Scenario } from "./scenario.ts";

const BUDGET_ACROSS_MS = 50;

export const latencyScenario: Scenario = {
  name: "latency",
  title: "from enqueue to the handler on an idle queue",
  async run(scale) {
    const jobs = Math.max(5, Math.round(60 * scale.share));
    const within = await measure("latency", { jobs, across: false });
    const across = await measure("latency", { jobs, across: true });
    return [...rowsOf("latency", within, null), ...rowsOf("latency_across_processes", across, BUDGET_ACROSS_MS)];
  },
};

function rowsOf(metric: string, waits: readonly number[], budgetMs: number | null): Row[] {
  return [50, 99].map((share) =>
    row({
      backend: "sqlite",
      metric: `${metric}_p${share}`,
      concurrency: 1,
      peer: budgetMs === null ? "none" : "budget",
      unit: "ms",
      ours: rounded(percentile(waits, share / 100)),
      theirs: budgetMs,
    }),
  );
}
