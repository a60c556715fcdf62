// Ignores one option after the other, and runs the tests that name it: one must fail. An option that no test misses is one
// that may break unseen, unless scripts/mutation/untested-options.json says why that is so.
// `npm run mutate:options -- [package | Interface | Interface.member]…`; without arguments core and http.
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { createVitest } from "vitest/node";
import { ignoring, instrumented, type OptionsInterface, optionsIn } from "./mutation/options.ts";

const root = join(import.meta.dirname, "..");
const PACKAGES = ["core", "http"];
const asked = process.argv.slice(2);
const excused = JSON.parse(readFileSync(new URL("mutation/untested-options.json", import.meta.url), "utf8")) as Record<
  string,
  string
>;

const interfaces = new Map(PACKAGES.map((name) => [name, optionsIn(join(root, "packages", name))]));
const vitest = await createVitest(
  "test",
  {
    root,
    watch: false,
    fsModuleCache: false,
    reporters: [{}],
    project: ["unit"],
    // Options that are ignored make tests wait for what does not come.
    testTimeout: 5_000,
  },
  { plugins: [{ name: "leave-out", enforce: "pre", transform }] },
);

/** Every source of the packages, once for all runs. */
function transform(source: string, id: string): string | undefined {
  const owner = PACKAGES.find((name) => id.startsWith(join(root, "packages", name, "src/")));
  if (owner === undefined) return undefined;
  const text = instrumented(source, new Set(interfaces.get(owner)!.map(({ name }) => name)));
  return text === source ? undefined : `import ${JSON.stringify(join(root, "scripts/mutation/leave-out.ts"))}; ${text}`;
}

/**
 * Test files that name the option, or load one that does; first those about its file, then those that give it most often,
 * last those about its file that do not name it.
 */
function testsOf(owner: string, { file: source }: OptionsInterface, member: string): string[] {
  const given = new RegExp(`\\b${member}\\b\\s*[:,}?]`, "g");
  const calls = [...readFileSync(source, "utf8").matchAll(/^export (?:async )?function (\w+)/gm)].map(
    ([, name]) => name!,
  );
  const about = new RegExp(`\\b(${[basename(source, ".ts"), ...calls].join("|")})\\b`);
  return globSync([`packages/${owner}/test/**/*.test.ts`, "test/combined-options.test.ts"], { cwd: root })
    .filter((file) => !file.endsWith(".process.test.ts"))
    .map((file) => ({ file, text: textOf(join(root, file)) }))
    .map(({ file, text }) => ({ file, times: text.match(given)?.length ?? 0, isAbout: about.test(file + text) }))
    .filter(({ times, isAbout }) => times > 0 || isAbout)
    .map((one) => ({ ...one, weight: one.times === 0 ? 0 : one.times + (one.isAbout ? 1_000 : 0) }))
    .toSorted((one, other) => other.weight - one.weight)
    .slice(0, 12)
    .map(({ file }) => join(root, file));
}

/** A test's own text, and that of what it loads from beside it. */
function textOf(file: string): string {
  const own = readFileSync(file, "utf8");
  const beside = [...own.matchAll(/from "(\.\/[^"]+\.ts)"/g)].map(([, path]) => join(dirname(file), path!));
  return [own, ...beside.filter((one) => existsSync(one)).map((one) => readFileSync(one, "utf8"))].join("\n");
}

/** The first test of these files that fails; null: none does. */
async function failing(files: readonly string[]): Promise<string | null> {
  if (files.length === 0) return null;
  const specifications = files.flatMap((file) => vitest.getModuleSpecifications(file));
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  for (const module of testModules.filter(({ moduleId }) => files.includes(moduleId))) {
    for (const test of module.children.allTests("failed"))
      return `${relative(root, module.moduleId)}: ${test.fullName} (${test.result().errors?.[0]?.message.split("\n")[0]})`;
    if (!module.ok()) return `${relative(root, module.moduleId)}, which does not load`;
  }
  return unhandledErrors.length > 0 ? "an error that no test caught" : null;
}

/** Files that pass while nothing is ignored: what fails anyway says nothing. */
const healthy = new Map<string, boolean>();

async function isHealthy(file: string): Promise<boolean> {
  if (!healthy.has(file)) {
    delete process.env["WAYBILL_WITHOUT"];
    const by = await failingTwice(file);
    if (by !== null) console.log(`fails with every option there, and is passed over: ${by}`);
    healthy.set(file, by === null);
  }
  return healthy.get(file)!;
}

/** A test that fails by chance, on a machine with much to do, does not fail twice. */
async function failingTwice(file: string): Promise<string | null> {
  return (await failing([file])) === null ? null : failing([file]);
}

await vitest.globTestSpecifications();
let [tried, seen, told] = [0, 0, 0];
const unseen: string[] = [];
const startedAt = performance.now();

for (const owner of PACKAGES) {
  const all = interfaces.get(owner)!;
  for (const one of all) for (const member of one.members) await tryWithout(owner, one, member, all);
}

async function tryWithout(
  owner: string,
  options: OptionsInterface,
  member: string,
  all: readonly OptionsInterface[],
): Promise<void> {
  const { name } = options;
  const key = `${name}.${member}`;
  if (asked.length > 0 && !asked.some((one) => one === owner || one === name || one === key)) return;
  tried++;
  let by: string | null = null;
  // The likeliest first, one at a time: most are seen at once.
  for (const file of testsOf(owner, options, member)) {
    if (!(await isHealthy(file))) continue;
    process.env["WAYBILL_WITHOUT"] = JSON.stringify(ignoring(name, member, all));
    by = await failing([file]);
    if (by !== null) break;
  }
  console.log(`${by === null ? "no test fails" : "seen"}: ${owner} ${key}${by === null ? "" : ` by ${by}`}`);
  if (by !== null) seen++;
  else if (Object.hasOwn(excused, key)) told++;
  else unseen.push(key);
}

await vitest.close();
const seconds = Math.round((performance.now() - startedAt) / 1_000);
for (const key of unseen) console.log(`no test fails without it: ${key}`);
console.log(
  `${tried} options, ${seen} missed by a test, ${told} excused with a reason, ${unseen.length} not, ${seconds} s`,
);
process.exitCode = unseen.length === 0 && tried > 0 ? 0 : 1;
