import { measure } from "../measure.ts";
import { interleave } from "../rounds.ts";
import { type Row, row } from "../row.ts";
import { type Scale, type Scenario, scaled } from "./scenario.ts";

/** Jobs per round by concurrency: enough for some seconds of writes at one job a transaction. */
const SIZES = [
  { concurrency: 1, jobs: 4_000 },
  { concurrency: 10, jobs: 15_000 },
  { concurrency: 50, jobs: 40_000 },
  { concurrency: 100, jobs: 40_000 },
] as const;

export const processScenario: Scenario = {
  name: "process",
  title: "process a full queue of jobs that do nothing, against raw leases of the same size",
  async run(scale) {
    const rows: Row[] = [];
    for (const { concurrency, jobs } of SIZES)
      rows.push(...(await atConcurrency(concurrency, scaled(jobs, scale), scale)));
    return rows;
  },
};

async function atConcurrency(concurrency: number, jobs: number, scale: Scale): Promise<Row[]> {
  const result = await interleave(scale.rounds, {
    ours: () => measure("process", { jobs, concurrency, logs: "off" }),
    raw: () => measure("rawProcess", { jobs, width: concurrency }),
    logged: () => measure("process", { jobs, concurrency, logs: "on" }),
  });
  const common = { backend: "sqlite", concurrency, peer: "raw node:sqlite", unit: "jobs/s" } as const;
  return [
    row({ ...common, metric: "process", ours: result.ours, theirs: result.raw }),
    row({ ...common, metric: "process_logged", ours: result.logged, theirs: result.raw }),
  ];
}
