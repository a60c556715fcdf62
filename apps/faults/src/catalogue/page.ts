import { type BackendName, type DurableTarget, targets } from "../backends.ts";
import type { Scenario } from "./frame/scenario.ts";
import { type DatedCell, keyOf, type Results } from "./results.ts";
import { lossWindows } from "./windows.ts";

const titles: Readonly<Record<BackendName, string>> = {
  sqlite: "SQLite",
  bullmq: "Redis",
  postgres: "PostgreSQL",
  rabbitmq: "RabbitMQ",
  sqs: "SQS",
};

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map(row).join("");
const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

/** Returns docs/faults.md for what was measured last. */
export function faultsPage(scenarios: readonly Scenario[], results: Results): string {
  const of = new Map(results.cells.map((cell) => [keyOf(cell.scenario, cell.backend), cell]));
  const lines = scenarios.map((scenario) => [
    scenario.name,
    ...targets.map(({ name }) => cellText(scenario, name, of.get(keyOf(scenario.name, name)))),
  ]);
  return `# Faults and what was measured

<!-- Made by scripts/generate-faults-page.ts from apps/faults/results.json; \`npm run docs:guarantees\` makes it anew. -->

Each scenario of the [catalogue](../apps/faults/README.md) causes one fault by real processes on a real server, and counts in a
record outside of the system what was accepted, started and ended. \`npm run faults\` runs all of them and writes the numbers.

${measuredOn(results)}

## Results

"0/20" means that none of 20 accepted jobs was lost. "Twice" counts jobs that ran to their end more than once, of as many as are
predicted. A takeover is the time from a kill to the next start of the job, or after an orderly stop from the abort: the median and the longest.

${table(["Scenario", ...targets.map(({ name }) => titles[name])], lines)}
"–" means that the scenario does not run there; its reason is below.

## Promises

${scenarios.map(promiseText).join("\n")}

## Settings

The numbers are for these settings of the stores:

${table(
  ["Backend", "Durability"],
  targets.map((target: DurableTarget) => [titles[target.name], target.durability]),
)}
## Known windows of loss

${table(
  ["Backend", "An accepted job can be lost when", "What closes the window"],
  lossWindows.map(({ backend, window, closedBy }) => [backend, window, closedBy]),
)}`;
}

function measuredOn({ machine, cells, fullMinutes }: Results): string {
  const { cores, memoryGb, kernel, node, servers } = machine;
  const runs = [
    ...new Set(
      cells.map(
        ({ when, commit, size, seed }) =>
          `${when.slice(0, 16).replace("T", " ")} UTC, commit ${commit}, ${size === "full" ? "in full" : "in the smaller numbers of `npm test`"}, seed ${seed}`,
      ),
    ),
  ].sort();
  const on = `${cores} cores, ${memoryGb} GB, Linux ${kernel}, Node ${node}, ${Object.entries(servers)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}`;
  const took = fullMinutes === undefined ? "" : ` The last full run took ${fullMinutes} minutes.`;
  return [`Measured on ${on}.${took} The numbers are from:`, "", ...runs.map((run) => `- ${run}`)].join("\n");
}

function cellText({ on }: Scenario, backend: BackendName, cell: DatedCell | undefined): string {
  if (on[backend] !== true) return "–";
  if (cell === undefined) return "not measured yet";
  const { verdict, lost, accepted, duplicated, predicted, takeover, exit } = cell;
  return [
    verdict === "holds" ? "holds" : "**violated**",
    ...(accepted > 0 ? [`lost ${lost}/${accepted}`] : []),
    ...(predicted > 0 ? [`twice ${duplicated}/${predicted}`] : []),
    ...(takeover === undefined ? [] : [`takeover ${seconds(takeover.p50Ms)} s, ${seconds(takeover.maxMs)} s`]),
    ...(exit === undefined ? [] : [`exit ${seconds(exit.maxMs)} s`]),
  ].join("; ");
}

function promiseText({ name, promise, rows, on, duplicates, leaseMs, exitLimitMs, durability }: Scenario): string {
  const reasons = new Set(Object.values(on).filter((reason) => reason !== true));
  const why = [...reasons].map((reason) => {
    const absent = targets.filter((target) => on[target.name] === reason).map((target) => titles[target.name]);
    return `Not on ${absent.join(", ")}: ${reason}.`;
  });
  const limits = [
    ...(leaseMs === undefined ? [] : [`A takeover takes less than ${seconds(leaseMs + 2_000)} s.`]),
    ...(exitLimitMs === undefined
      ? []
      : [`From SIGTERM to the exit it takes less than ${seconds(exitLimitMs + 1_000)} s.`]),
    `Twice: ${duplicates.why}.`,
    ...(durability === undefined ? [] : [`Settings: ${durability}.`]),
    ...why,
  ];
  return `- **${name}**${rows.length === 0 ? "" : ` (${rows.join(", ")})`}: ${promise} ${limits.join(" ")}`;
}
