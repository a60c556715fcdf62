import { expect, test } from "vitest";
import { plannedCells } from "../apps/faults/src/catalogue/plan.ts";
import { faultsPage } from "../apps/faults/src/catalogue/page.ts";
import { keyOf, readResults } from "../apps/faults/src/catalogue/results.ts";
import { scenarios } from "../apps/faults/src/catalogue/scenarios.ts";
import { read } from "./workspace.ts";

const results = readResults();

test("docs/faults.md is what apps/faults/results.json says: `npm run docs:guarantees` makes it anew", () => {
  expect(read("docs/faults.md")).toBe(faultsPage(scenarios, results));
});

test("each scenario of the catalogue has a result: `npm run faults -- --only NAME --keep` adds one", () => {
  const measured = new Set(results.cells.map(({ scenario }) => scenario));
  expect(scenarios.filter(({ name }) => !measured.has(name)).map(({ name }) => name)).toEqual([]);
});

test("no result is of a scenario or a backend that is not planned any more", () => {
  const planned = new Set(
    plannedCells({ size: "full" }).map(({ scenario, target }) => keyOf(scenario.name, target.name)),
  );
  expect(results.cells.filter((cell) => !planned.has(keyOf(cell.scenario, cell.backend)))).toEqual([]);
});

test("the catalogue has at least 30 scenarios", () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(30);
});
