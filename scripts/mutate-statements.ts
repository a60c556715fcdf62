// Leaves out one statement after the other, and runs the tests that reach it: one must fail by an assertion, not by its timeout.
// A statement that no test misses is a promise that may break unseen, unless scripts/mutation/unseen-statements.json says why.
// `npm run mutate:statements -- core/execution core/backend/seam.ts`: folders and files of packages/*/src. `--only REGEX` keeps to
// statements of the files whose path it matches, `--tests REGEX` to such test files. VERBOSE=1 prints each statement with the test
// that fails without it.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { createVitest } from "vitest/node";
import { askingFirst, type Statement, statementsIn } from "./mutation/statements.ts";

const root = join(import.meta.dirname, "..");
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, tests: { type: "string" } },
});
const asked = positionals.length > 0 ? positionals : ["core/execution", "core/producer"];
const folders = asked.map((one) => one.replace(/^([^/]+)/, "packages/$1/src"));
const packages = [...new Set(asked.map((one) => one.split("/")[0]!))];
const all = statementsIn(root, folders);
const byFile = Map.groupBy(all, ({ file }) => join(root, file));
/** Has what refuses options, for every package. */
const errorTable = join(root, "test/error-table.test.ts");
const runsModule = join(root, "scripts/mutation/runs.ts");
const reachedFolder = mkdtempSync(join(tmpdir(), "waybill-reached-"));
process.on("exit", () => rmSync(reachedFolder, { recursive: true, force: true }));
const excused = JSON.parse(readFileSync(new URL("mutation/unseen-statements.json", import.meta.url), "utf8")) as Record<
  string,
  string
>;

const vitest = await createVitest(
  "test",
  {
    root,
    watch: false,
    fsModuleCache: false,
    reporters: [{}],
    project: ["unit"],
    // Without a statement a test may wait for what does not come.
    testTimeout: 10_000,
    hookTimeout: 10_000,
  },
  { plugins: [{ name: "leave-out", enforce: "pre", transform }] },
);

/** Every source of the folders, once for all runs; and every test file, so that it defines what they call. */
function transform(source: string, id: string): string | undefined {
  const statements = byFile.get(id);
  if (statements !== undefined) return askingFirst(source, statements);
  return id.endsWith(".test.ts") ? `import ${JSON.stringify(runsModule)}; ${source}` : undefined;
}

interface Failure {
  readonly by: string;
  /** A timeout tells nobody what is broken. */
  readonly isTimeout: boolean;
}

/** The first test that fails in one of these files, by an assertion if any does; null: none fails. */
async function failing(files: readonly string[]): Promise<Failure | null> {
  const specifications = files.flatMap((file) => vitest.getModuleSpecifications(file));
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  let slow: Failure | null = null;
  for (const module of testModules.filter(({ moduleId }) => files.includes(moduleId))) {
    for (const test of module.children.allTests("failed")) {
      const message = test.result().errors?.[0]?.message.split("\n")[0] ?? "";
      const by = `${relative(root, module.moduleId)}: ${test.fullName} (${message})`;
      if (!/^(Test|Hook) timed out in/.test(message)) return { by, isTimeout: false };
      slow ??= { by, isTimeout: true };
    }
    if (!module.ok() && slow === null)
      return { by: `${relative(root, module.moduleId)}, which does not load`, isTimeout: false };
  }
  return slow ?? (unhandledErrors.length > 0 ? { by: "an error that no test caught", isTimeout: false } : null);
}

/** Test files by statement, the quickest first. Files that fail with all statements are left out. */
async function testsByStatement(): Promise<Map<number, string[]>> {
  process.env["WAYBILL_REACHED"] = reachedFolder;
  const specifications = (await vitest.globTestSpecifications()).filter(
    ({ moduleId }) =>
      (packages.some((name) => moduleId.startsWith(join(root, "packages", name, "test/"))) ||
        moduleId === errorTable) &&
      new RegExp(values.tests ?? "").test(relative(root, moduleId)),
  );
  const { testModules } = await vitest.runTestSpecifications(specifications);
  delete process.env["WAYBILL_REACHED"];
  const failed = new Set<string>();
  const durations = new Map(testModules.map((module) => [module.moduleId, module.diagnostic().duration]));
  for (const module of testModules) {
    if (module.ok()) continue;
    const again = await failing([module.moduleId]);
    if (again === null) continue;
    failed.add(module.moduleId);
    console.log(`fails with every statement there, and is passed over: ${again.by}`);
  }
  const files = readdirSync(reachedFolder)
    .map((name) => JSON.parse(readFileSync(join(reachedFolder, name), "utf8")) as { file: string; reached: number[] })
    .filter(({ file }) => !failed.has(file))
    .toSorted((one, other) => (durations.get(one.file) ?? 0) - (durations.get(other.file) ?? 0));
  const tests = new Map<number, string[]>();
  for (const { file, reached } of files)
    for (const number of reached) tests.set(number, [...(tests.get(number) ?? []), file]);
  return tests;
}

const startedAt = performance.now();
const tests = await testsByStatement();
const counts = { seen: 0, excused: 0, slow: 0, unseen: 0 };
let survivors = 0;

/** Printed at once, so that a run that is cut short has said what it found. */
function survives(line: string): void {
  survivors += 1;
  console.log(line);
}

/** Asks one file after the other; a test file named like the source first. */
async function missedBy({ number, file }: Statement): Promise<Failure | null> {
  const name = file.split("/").at(-1)!.replace(/ts$/, "test.ts");
  const reaching = (tests.get(number) ?? []).toSorted(
    (one, other) => Number(other.endsWith(`/${name}`)) - Number(one.endsWith(`/${name}`)),
  );
  let slow: Failure | null = null;
  process.env["WAYBILL_LEFT_OUT"] = String(number);
  for (const one of reaching) {
    const failure = await failing([one]);
    if (failure !== null && !failure.isTimeout) return failure;
    slow ??= failure;
  }
  return slow;
}

for (const statement of all) {
  if (!new RegExp(values.only ?? "").test(statement.file)) continue;
  const key = `${statement.file.replace(/^packages\/([^/]+)\/src\//, "$1/")}: ${statement.text}`;
  const failure = await missedBy(statement);
  if (process.env["VERBOSE"]) console.log(`${failure === null ? "SURVIVES" : failure.by} | ${key}`);
  if (failure !== null && !failure.isTimeout) counts.seen++;
  else if (Object.hasOwn(excused, key)) counts.excused++;
  else if (failure !== null) {
    counts.slow++;
    survives(`only a timeout without it: ${key} | ${failure.by}`);
  } else {
    counts.unseen++;
    const reaching = tests.get(statement.number)?.length ?? 0;
    survives(`no test fails without it${reaching === 0 ? ", and none reaches it" : ""}: ${key}`);
  }
}
delete process.env["WAYBILL_LEFT_OUT"];
await vitest.close();
const seconds = Math.round((performance.now() - startedAt) / 1_000);
console.log(
  `${all.length} statements, ${counts.seen} missed by a test, ${counts.excused} excused with a reason, ` +
    `${counts.slow} only by a timeout, ${counts.unseen} not, ${seconds} s`,
);
process.exitCode = survivors === 0 && all.length > 0 ? 0 : 1;
