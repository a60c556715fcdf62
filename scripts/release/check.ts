// Whether the packages could be published now: what npm would get, made in a copy at the version of the next candidate.
// Publishes nothing, and asks the registry for nothing but what the packages depend on. Layout and types of the packages are
// checked by `npm run check`, and their programs by `npm run packed`.
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../test/workspace.ts";
import { packIn, type Tarball } from "../packed/tarballs.ts";
import { namedIn } from "../third-party.mjs";
import budgets from "./budgets.json" with { type: "json" };
import { faultsOfChangelog } from "./changelogs.ts";
import { faultsOfChangeset } from "./changesets.ts";
import { type Budget, faultsOfContents } from "./contents.ts";
import { copyTo } from "./copy.ts";
import { faultsOfManifest } from "./manifests.ts";
import { prepare } from "./prepare.ts";
import { installAll, runsTheFirstProgram, thirdPartyOf } from "./rehearsal.ts";
import { publishedIn, readManifest } from "./versions.ts";

let passed = 0;
let failed = 0;

/** One line for one thing that is checked, and a line for each fault. `judge` may return faults, throw, or return a note. */
async function check(name: string, judge: () => Promise<readonly string[] | string> | readonly string[] | string) {
  const began = performance.now();
  const result = await Promise.resolve()
    .then(judge)
    .catch((error: unknown) => [String(error)]);
  const faults = typeof result === "string" ? [] : result;
  const seconds = ((performance.now() - began) / 1_000).toFixed(1).padStart(5);
  const note = typeof result === "string" ? `: ${result}` : "";
  console.log(`${faults.length === 0 ? "ok  " : "FAIL"} ${seconds} s  ${name}${note}`);
  for (const fault of faults) console.log(`      ${fault}`);
  if (faults.length === 0) passed += 1;
  else failed += 1;
  return faults.length === 0;
}

const work = mkdtempSync(join(tmpdir(), "waybill-release-"));
const copy = join(work, "copy");
const names = publishedIn(root).map(({ manifest }) => manifest.name);
let version = "";
let tarballs: readonly Tarball[] = [];

const read = (path: string): string => readFileSync(join(copy, path), "utf8");
const folderOf = ({ name }: Tarball): string =>
  join(copy, publishedIn(copy).find(({ manifest }) => manifest.name === name)?.path ?? name);

function rows(): string {
  const size = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`.padStart(9);
  const lines = tarballs.map((tarball) => {
    const budget = (budgets as Record<string, Budget>)[tarball.name];
    return `         ${tarball.name.padEnd(26)}${size(tarball.size)} of ${size(budget?.packed ?? 0)}, ${tarball.files.length} files`;
  });
  return lines.join("\n");
}

async function everything(): Promise<void> {
  const changesets = globSync(".changeset/*.md", { cwd: root }).toSorted();
  await check(`${changesets.length} changesets say what a user can do now`, () =>
    changesets.flatMap((file) => faultsOfChangeset(file, readFileSync(join(root, file), "utf8"), names)),
  );
  mkdirSync(copy);
  copyTo(copy, root);
  const isPrepared = await check("changesets make one version of all packages", () => {
    version = prepare(copy);
    return /^1\.0\.0(-rc\.[1-9]\d*)?$/.test(version) ? version : [`the version is ${version}`];
  });
  if (!isPrepared) return;
  const packages = publishedIn(copy);
  await check("each package has a CHANGELOG that can be read", () =>
    packages.flatMap(({ path, manifest: { name } }) =>
      existsSync(join(copy, path, "CHANGELOG.md"))
        ? faultsOfChangelog(name, version, read(join(path, "CHANGELOG.md")))
        : [`${name} has no CHANGELOG.md: no changeset names it`],
    ),
  );
  const rootManifest = readManifest(root, ".");
  await check("each package.json has what npm and its page of the package need", () =>
    packages.flatMap((one) => faultsOfManifest(one, rootManifest)),
  );
  const isPacked = await check("npm pack", async () => {
    tarballs = await packIn(copy, join(work, "tarballs"), packages);
    return `${tarballs.length} packages`;
  });
  if (!isPacked) return;
  await check("no package is larger than its budget, or has tests or maps that lead nowhere", () =>
    tarballs.flatMap((one) =>
      faultsOfContents(one, folderOf(one), (budgets as Record<string, Budget | undefined>)[one.name]),
    ),
  );
  console.log(rows());
  await check("what is bundled has its licence with it", () => {
    const pages = tarballs.map((one) => [one.name, thirdPartyOf(folderOf(one), one)] as const);
    const named = pages.flatMap(([name, page]) => (page === null ? [] : [`${name}: ${namedIn(page).join(", ")}`]));
    return named.join("; ");
  });
  let project = "";
  const isInstalled = await check(`rehearsal: all packages at ${version} install into an empty project`, async () => {
    project = await installAll(join(work, "project"), tarballs, packages, version);
    return `${readdirSync(join(project, "node_modules")).length} folders in node_modules`;
  });
  if (isInstalled)
    await check("rehearsal: the first program of the README runs, and the command says its version", () =>
      runsTheFirstProgram(project, version),
    );
  if (rootManifest.repository?.url === undefined)
    console.log(
      'open         package.json has no "repository" yet; `npm run release:prepare` asks for it, because provenance needs it',
    );
}

try {
  await everything();
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
