/** Mistakes that a backend or a worker could have, planted into the workers of a scenario: its verdict must notice each. */
import { afterAll, expect, test } from "vitest";
import { plannedCells } from "../src/catalogue/plan.ts";
import { runCell } from "../src/catalogue/run-scenario.ts";
import { createServers } from "../src/catalogue/servers.ts";
import { type DefectName, defectNames } from "../src/defects/defects.ts";

interface Planted {
  readonly defect: DefectName;
  readonly scenario: string;
  readonly backend: string;
  /** What the verdict says. */
  readonly says: RegExp;
}

const planted: readonly Planted[] = [
  { defect: "ack-before-run", scenario: "failed attempts", backend: "sqlite", says: /accepted jobs are lost/ },
  {
    defect: "settle-by-id",
    scenario: "blocked loop",
    backend: "sqlite",
    says: /late settle is refused|has completed the job/,
  },
  {
    defect: "no-release-at-shutdown",
    scenario: "stopped worker",
    backend: "sqlite",
    says: /the job is done elsewhere/,
  },
  { defect: "lost-reconnect", scenario: "broken connections", backend: "bullmq", says: /the worker goes on/ },
  { defect: "heartbeat-off", scenario: "jobs longer than their lease", backend: "sqlite", says: /was started twice/ },
  { defect: "dropped-retry", scenario: "failed attempts", backend: "sqlite", says: /accepted jobs are lost/ },
];

const servers = createServers();
afterAll(() => servers.stop());

// Without a defect these cells hold: that is tested with the catalogue, of whose cut each is a part.
test.concurrent.for(planted)("$scenario on $backend notices $defect", async ({ defect, scenario, backend, says }) => {
  const [cell] = plannedCells({ size: "cut", only: [scenario], backends: [backend] });
  if (cell === undefined) throw new Error(`${scenario} on ${backend} is not in the cut`);
  const { verdict, violations } = await runCell({ ...cell, size: "cut", seed: 1, servers, defect });
  expect(verdict).toBe("violated");
  expect(violations.join("\n")).toMatch(says);
});

test("each defect is planted", () => {
  expect(new Set(planted.map(({ defect }) => defect))).toEqual(new Set(defectNames));
});
