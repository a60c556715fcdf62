import { expect, test } from "vitest";
import { judge } from "../src/catalogue/judge.ts";
import type { Measured, Scenario } from "../src/catalogue/frame/scenario.ts";
import { scenarios } from "../src/catalogue/scenarios.ts";
import { createPlaces } from "../src/catalogue/schedule.ts";

const scenario: Scenario = {
  name: "a fault",
  promise: "It holds.",
  rows: [],
  on: { sqlite: true, bullmq: true, postgres: true, rabbitmq: true, sqs: true },
  duplicates: { most: (size) => (size === "full" ? 2 : 1), why: "it says so" },
  leaseMs: 1_000,
  exitLimitMs: 4_000,
  load: "waits",
  server: "shared",
  run: () => Promise.reject(new Error("it is only judged")),
};
const holds: Measured = { accepted: 3, lost: [], duplicated: 1, takeoversMs: [2_999], exitsMs: [4_999] };
const judged = (change: Partial<Measured>): string[] => judge(scenario, "sqlite", "cut", { ...holds, ...change });

test("what a run has measured within its limits is no violation", () => {
  expect(judged({})).toEqual([]);
});

test.each([
  [{ lost: ["a"] }, "1 accepted jobs are lost: a"],
  [{ duplicated: 2 }, "2 jobs ran to their end more than once, 1 are predicted at most"],
  [{ takeoversMs: [10, 3_000] }, "a takeover took 3000 ms: 1000 ms and 2000 ms are promised"],
  [{ exitsMs: [5_000] }, "an exit took 5000 ms: 4000 ms and 1000 ms are promised"],
  [{ violations: ["two ran at once"] }, "two ran at once"],
])("%j is a violation", (change, sentence) => {
  expect(judged(change)).toEqual([sentence]);
});

test("a takeover that is measured without a stated lease is a violation", () => {
  const { leaseMs: _, ...without } = scenario;
  expect(judge(without, "sqlite", "full", holds)).toEqual(["the scenario measures each takeover and states no limit"]);
});

test("each scenario has a name of its own, a promise that is a sentence, and a reason for each backend without it", () => {
  const names = scenarios.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, promise, on, cut, duplicates } of scenarios) {
    expect(name).toMatch(/^[a-z][a-z0-9 ]+$/);
    expect(promise, name).toMatch(/^[A-Z].*\.$/);
    expect(duplicates.why.length, name).toBeGreaterThan(10);
    for (const reason of Object.values(on)) if (reason !== true) expect(reason.length, name).toBeGreaterThan(10);
    for (const backend of cut ?? []) expect(on[backend], `${name} in the cut`).toBe(true);
  }
});

test("scenarios that wait share the places, one that measures runs alone and last", async () => {
  const places = createPlaces(3);
  const running = new Set<string>();
  const beside: string[][] = [];
  const use = (name: string, load: Scenario["load"]): Promise<void> =>
    places.use({ load }, async () => {
      running.add(name);
      beside.push([...running]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running.delete(name);
    });
  await Promise.all([use("m", "alone"), use("a", "waits"), use("w", "works"), use("b", "waits")]);
  expect(beside).toEqual([["a"], ["a", "w"], expect.arrayContaining(["b"]), ["m"]]);
});
