import { measure } from "../measure.ts";
import { interleave } from "../rounds.ts";
import { row } from "../row.ts";
import { type Scenario, scaled } from "./scenario.ts";

const WIDTH = 50;
/** Of an Express route that neither checks a signature nor runs a job. */
const TARGET = 0.8;

export const pushScenario: Scenario = {
  name: "push",
  title: "signed jobs pushed into Express 5, against a JSON route of the same application that does nothing",
  async run(scale) {
    const common = { requests: scaled(30_000, scale), width: WIDTH } as const;
    const result = await interleave(scale.rounds, {
      ours: () => measure("push", { ...common, side: "waybill", logs: "off" }),
      bare: () => measure("push", { ...common, side: "bare", logs: "off" }),
      logged: () => measure("push", { ...common, side: "waybill", logs: "on" }),
    });
    const parts = { backend: "http", concurrency: WIDTH, peer: "bare Express 5 route", unit: "requests/s" } as const;
    return [
      row({ ...parts, metric: "push", ours: result.ours, theirs: result.bare, target: TARGET }),
      row({ ...parts, metric: "push_logged", ours: result.logged, theirs: result.bare }),
    ];
  },
};
