/**
 * Runs the catalogue of faults.
 * `npm run faults -- [--only NAME] [--backend NAME] [--seed 1] [--size full|cut] [--parallel 4]`
 * Prints a line for each cell as it ends. Exit code 1: a promise was violated. A full run keeps its results in results.json, of which
 * `npm run docs:guarantees` makes docs/faults.md; `--keep` keeps those of any run.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Cell, runCell } from "./run-scenario.ts";
import { plannedCells } from "./plan.ts";
import { commit, keepCells, keyOf } from "./results.ts";
import { createPlaces } from "./schedule.ts";
import { createServers } from "./servers.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    backend: { type: "string", multiple: true },
    seed: { type: "string", default: "1" },
    size: { type: "string", default: "full" },
    parallel: { type: "string", default: "4" },
    /** Runs each cell this many times. */
    times: { type: "string", default: "1" },
    /** Keeps the results, also those of a part of the catalogue. */
    keep: { type: "boolean", default: false },
  },
});
const { only, backend: backends, size } = values;
if (size !== "cut" && size !== "full") throw new Error(`--size ${size}: write cut or full`);
const [seed, places, times] = [values.seed, values.parallel, values.times].map(Number) as [number, number, number];
if (!Number.isInteger(seed)) throw new Error(`--seed ${values.seed}: write a whole number`);
if (!(places >= 1)) throw new Error(`--parallel ${values.parallel}: write a number from 1`);
// Hundreds of processes are started from sources: each compiles them in a third of the time once one has.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(
  new URL("../../../../node_modules/.cache/waybill-tests", import.meta.url),
);

const planned = Array.from({ length: times }, () => plannedCells({ size, only, backends })).flat();
const servers = createServers();
const began = performance.now();
const run = { when: new Date().toISOString(), commit: commit() };
const isAll = only === undefined && backends === undefined && times === 1 && size === "full";
const isKept = isAll || values.keep;
const everyKey = plannedCells({ size: "full" }).map(({ scenario, target }) => keyOf(scenario.name, target.name));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
// A wait for a job on a bare backend keeps no process alive.
const awake = setInterval(() => {}, 60_000);
const room = createPlaces(places);
const ended = await Promise.all(
  planned.map((cell) =>
    room.use(cell.scenario, async () => {
      const done = await runCell({ ...cell, size, seed, servers });
      console.log(lineOf(done));
      // At once: a run that is ended half-way has kept what it did.
      if (isKept) keepCells([{ ...done, ...run }], everyKey);
      return done;
    }),
  ),
);
await servers.stop();
clearInterval(awake);

const minutes = Math.round((performance.now() - began) / 6_000) / 10;
const violated = ended.filter(({ verdict }) => verdict === "violated");
console.log(`${ended.length} cells, ${violated.length} violated, ${minutes} min, seed ${seed}, ${size}`);
if (violated.length > 0) process.exitCode = 1;
if (isAll) keepCells([], everyKey, minutes);
// A scenario may leave a bare backend open.
setTimeout(() => process.exit(), 1_000);

function lineOf({ scenario, backend, verdict, accepted, lost, duplicated, predicted, ...cell }: Cell): string {
  const { takeover, exit, seconds, violations } = cell;
  const facts = [
    `${accepted} accepted, ${lost} lost, ${duplicated} of ${predicted} duplicated`,
    ...(takeover ? [`takeover p50 ${takeover.p50Ms} ms, max ${takeover.maxMs} ms`] : []),
    ...(exit ? [`exit max ${exit.maxMs} ms`] : []),
    `${seconds} s`,
  ];
  const head = `${verdict === "holds" ? "ok  " : "FAIL"}  ${scenario.padEnd(28)} ${backend.padEnd(9)} ${facts.join("; ")}`;
  return [head, ...violations.map((one) => `        ${one.replaceAll("\n", "\n        ")}`)].join("\n");
}
