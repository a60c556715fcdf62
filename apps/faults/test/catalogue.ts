import { afterAll, expect, test } from "vitest";
import { runCell } from "../src/catalogue/run-scenario.ts";
import { type Planned, plannedCells } from "../src/catalogue/plan.ts";
import { createPlaces } from "../src/catalogue/schedule.ts";
import { createServers } from "../src/catalogue/servers.ts";

/** Of one file; others run beside it. */
const PLACES = 2;
/** Of a cell, from when the file begins: it waits for a place as well. */
const LIMIT_MS = 1_200_000;

/** Runs the cut of a part of the catalogue: a test for each scenario and backend. FAULTS_SEED replays a run. */
export function runsCut(isIn: (cell: Planned) => boolean, places = PLACES): void {
  const servers = createServers();
  const room = createPlaces(places);
  const seed = Number(process.env["FAULTS_SEED"] ?? Math.floor(Math.random() * 1e6));
  afterAll(() => servers.stop());
  for (const cell of plannedCells({ size: "cut" }).filter(isIn)) {
    const { scenario, target } = cell;
    const rows = scenario.rows.length > 0 ? `${scenario.rows.join(", ")}: ` : "";
    const title = `${rows}${scenario.name} on ${target.name}: ${scenario.promise} (seed ${seed})`;
    test.concurrent(
      title,
      async ({ skip }) => {
        const { needsRoot } = scenario;
        if (needsRoot !== undefined) skip(process.getuid?.() !== 0, needsRoot);
        const done = await room.use(scenario, () => runCell({ ...cell, size: "cut", seed, servers }));
        console.log(`${scenario.name} on ${target.name}: ${done.seconds} s`);
        expect(done.violations.join("\n")).toBe("");
      },
      LIMIT_MS,
    );
  }
}

export const runsCutOn = (backend: string): void =>
  runsCut(({ scenario, target }) => target.name === backend && scenario.load !== "alone");
