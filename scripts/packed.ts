// The packages as users get them: packed, installed by npm and by pnpm outside of this repository, run and compiled there.
// With pages as arguments, such as packages/core/README.md, only their programs are run.
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findService, type FoundService } from "@waybill/test-servers";
import { places, type PlaceName } from "./languages/stores.ts";
import { installBundlers } from "./packed/bundlers.ts";
import { findsWhatIsInstalled, namesTheBanner, runsEveryBackend, tellsWhatIsMissing } from "./packed/bundles.ts";
import { compiles, layouts } from "./packed/compiling.ts";
import { builds, compiled, isTrapped, missingOf, produces, receives } from "./packed/languages.ts";
import { loadsAsCommonJs, loadsAsEsm } from "./packed/loading.ts";
import { buildsNext, enqueuesByAction, enqueuesInNext, runsNextRecipe } from "./packed/next.ts";
import { createPageInstaller, within } from "./packed/install-lines.ts";
import { pageRuns, runPage } from "./packed/page-runs.ts";
import { runsTheCommand } from "./packed/command.ts";
import { missingAdmin, publishesByAdmin } from "./packed/rabbitmqadmin.ts";
import type { Urls } from "./packed/run-kinds.ts";
import { startsInCommonJs, startsInExpress, startsInNest, startsNew } from "./packed/starting.ts";
import { byNpm, byNpmAlone, byNpmWithNext, byPnpm, compilers, type Stranger } from "./packed/stranger.ts";
import { testsInStockNest } from "./packed/stock-nest.ts";
import { faultsOf, pack, type Tarball } from "./packed/tarballs.ts";

let passed = 0;
let failed = 0;
let skipped = 0;

/** One line for one thing that is tried. */
async function check<T>(name: string, work: () => Promise<T>): Promise<T | null> {
  const began = performance.now();
  const seconds = (): string => ((performance.now() - began) / 1_000).toFixed(1).padStart(6);
  try {
    const result = await work();
    passed += 1;
    console.log(`ok   ${seconds()} s  ${name}`);
    return result;
  } catch (thrown) {
    failed += 1;
    console.log(`FAIL ${seconds()} s  ${name}`, thrown);
    return null;
  }
}

/** Printed, and listed in .ci/skips, as each test that is skipped. */
function skip(name: string, why: string): void {
  skipped += 1;
  console.log(`skipped: ${name}: ${why}`);
  const file = process.env["WAYBILL_SKIPS_FILE"];
  if (file) appendFileSync(file, `${name}: ${why}\n`);
}

const found: FoundService[] = [];

/** Where a server runs; whatever had to be started for it is stopped at the end. */
async function urlOf(name: keyof Urls): Promise<string> {
  const service = await findService(name);
  found.push(service);
  return service.url;
}

async function servers(): Promise<Urls> {
  const [redis, postgres] = await Promise.all([urlOf("redis"), urlOf("postgres")]);
  const [rabbitmq, sqs] = await Promise.all([urlOf("rabbitmq"), urlOf("sqs")]);
  return { redis, postgres, rabbitmq, sqs };
}

async function checkPrograms(stranger: Stranger, urls: Urls): Promise<void> {
  const { by } = stranger;
  await check(`${by}: every entry can be imported, and a job runs`, () => loadsAsEsm(stranger));
  await check(`${by}: every entry can be required from CommonJS, and a job runs`, () => loadsAsCommonJs(stranger));
  if (by !== "pnpm") return;
  for (const page of Object.keys(pageRuns)) {
    await check(`${by}: the programs of ${page} run`, () =>
      runPage({ page, folder: within(stranger.folder, page), urls }),
    );
  }
}

/** As a reader does: what the page says to install, and nothing else. The next page is installed while one runs. */
async function checkPages(folder: string, tarballs: readonly Tarball[], urls: Urls): Promise<void> {
  const wanted = process.argv.slice(2);
  const pages = Object.keys(pageRuns).filter((one) => wanted.length === 0 || wanted.includes(one));
  const installer = createPageInstaller(folder, tarballs);
  const install = (page: string | undefined): Promise<string> | null => {
    const installing = page === undefined ? null : installer.folderOf(page);
    // Reported by the check of this page.
    installing?.catch(() => undefined);
    return installing;
  };
  let next = install(pages[0]);
  for (const [at, page] of pages.entries()) {
    const installing = next;
    await check(`the programs of ${page} run as printed, with what it says to install and nothing else`, async () => {
      const own = await installing?.finally(() => void (next = install(pages[at + 1])));
      if (own !== undefined) await runPage({ page, folder: own, urls });
    });
  }
}

async function checkTypes(stranger: Stranger): Promise<void> {
  for (const compiler of compilers) {
    const all = (Object.keys(layouts) as (keyof typeof layouts)[]).map((layout) =>
      check(`${stranger.by}: types compile by ${compiler}, ${layout}, no declaration skipped`, () =>
        compiles(stranger, compiler, layout),
      ),
    );
    await Promise.all(all);
  }
}

/** The pages of docs/ for programs in other languages; those that need no compiler are run by `npm test`. */
async function checkLanguages(folder: string): Promise<void> {
  for (const language of compiled) {
    const { name } = language;
    const missing = missingOf(language);
    if (missing !== null) {
      skip(`the programs of docs/produce.md and docs/receive.md in ${name}`, missing);
      continue;
    }
    const own = await check(`the programs of docs/ in ${name} compile`, () => builds(language, folder));
    if (own === null) continue;
    for (const place of Object.keys(places) as PlaceName[]) {
      await check(`${name}: a worker runs what the program for ${place} stores`, () => produces(language, own, place));
    }
    await check(`${name}: its traps are as spec/traps.md says`, () => isTrapped(language, own));
    await check(`${name}: the receiver runs what our sender pushes, and refuses forgeries`, () =>
      receives(language, own),
    );
  }
}

async function checkAdmin(): Promise<void> {
  const missing = missingAdmin();
  if (missing !== null) return skip("the line for rabbitmqadmin of spec/1.0/bindings/rabbitmq.md", missing);
  await check("rabbitmqadmin publishes by the line of the spec, and says where there is no queue", publishesByAdmin);
}

async function checkBundles(all: Stranger, alone: Stranger, bundlers: string, urls: Urls): Promise<void> {
  for (const bundler of [
    "esbuild as CommonJS",
    "esbuild as ESM, with its banner",
    "webpack",
    "Rollup",
    "Vite SSR",
  ] as const) {
    await check(`${bundler}: a bundle runs a job on each backend`, () =>
      runsEveryBackend(all, bundlers, bundler, urls),
    );
  }
  for (const bundler of ["esbuild as CommonJS", "webpack", "Rollup", "Vite SSR"] as const) {
    await check(`${bundler}: a backend that is not installed fails no build, and is named when it is asked for`, () =>
      tellsWhatIsMissing(alone, bundlers, bundler),
    );
  }
  await check("esbuild as ESM: the error names the banner", () => namesTheBanner(all, bundlers, urls));
  await check("esbuild: a backend that was left out is found beside", () => findsWhatIsInstalled(alone, bundlers));
}

async function checkNext(next: Stranger, urls: Urls): Promise<void> {
  const built = await check("Next: the recipe's files and a route of ours build", async () => {
    await buildsNext(next);
    return true;
  });
  if (built === null) return;
  await check("Next: a route handler enqueues on three backends", () => enqueuesInNext(next, urls));
  await check("Next: the recipe of docs/push.md is pushed to, and takes new jobs", () => runsNextRecipe(next));
  await check("Next: the recipe's server action enqueues", () => enqueuesByAction(next));
}

async function checkStarts(npm: Stranger, folder: string, tarballs: readonly Tarball[]): Promise<void> {
  await check("npm create waybill in an empty folder: installed, compiled, tested, run", () =>
    startsNew(folder, npm, tarballs),
  );
  await check("waybill init after npm init", () => startsInCommonJs(npm));
  await check("waybill init in an Express application", () => startsInExpress(npm));
  await check("waybill init in a Nest application, CommonJS", () => startsInNest(npm, "commonjs"));
  await check("waybill init in a Nest application, ESM", () => startsInNest(npm, "module"));
}

async function checkStockNest(folder: string, tarballs: readonly Tarball[]): Promise<void> {
  for (const major of ["11", "12"] as const) {
    await check(
      `what \`nest new\` of Nest ${major} makes tests, compiles, runs and lints the README's application`,
      () => testsInStockNest(folder, tarballs, major),
    );
  }
}

async function checkAll(folder: string): Promise<void> {
  const tarballs = await pack(join(folder, "tarballs"));
  for (const { name, size, files } of tarballs) {
    console.log(`${name.padEnd(26)} ${(size / 1_024).toFixed(0).padStart(5)} KiB  ${files.length} files`);
  }
  await check("tarballs hold code, types, sources, a README and the licence, and nothing else", async () => {
    const faults = tarballs.flatMap(faultsOf);
    if (faults.length > 0) throw new Error(faults.join("\n"));
  });
  if (process.argv.length > 2) {
    const urls = await check("the servers run that the pages name", servers);
    if (urls !== null) await checkPages(folder, tarballs, urls);
    return;
  }
  const [urls, npm, pnpm, alone, bundlers, next] = await Promise.all([
    check("the servers run that the READMEs name", servers),
    check("npm installs all in an empty folder", () => byNpm(folder, tarballs)),
    check("pnpm installs all in an empty folder", () => byPnpm(folder, tarballs)),
    check("npm installs SQLite and the command alone", () => byNpmAlone(folder, tarballs)),
    check("npm installs the bundlers", () => installBundlers(folder)),
    check("npm installs Next and three backends", () => byNpmWithNext(folder, tarballs)),
  ]);
  const onServers = async (): Promise<void> => {
    if (!urls) return;
    for (const stranger of [npm, pnpm]) if (stranger) await checkPrograms(stranger, urls);
    await checkPages(folder, tarballs, urls);
    if (npm && alone && bundlers) await checkBundles(npm, alone, bundlers, urls);
    if (next) await checkNext(next, urls);
  };
  const onTheirOwn = async (): Promise<void> => {
    if (npm) await checkStarts(npm, folder, tarballs);
    if (npm) await checkTypes(npm);
    if (pnpm) await check("pnpm: types compile", () => compiles(pnpm, "typescript", "node"));
    if (alone) await check(`${alone.by}: the command runs`, () => runsTheCommand(alone));
    if (alone) await check(`${alone.by}: types compile`, () => compiles(alone, "typescript", "node", true));
    await checkStockNest(folder, tarballs);
    await checkLanguages(folder);
    await checkAdmin();
  };
  // What shares the servers runs one after the other, the rest beside it.
  await Promise.all([onServers(), onTheirOwn()]);
}

const folder = mkdtempSync(join(tmpdir(), "waybill-packed-"));
try {
  await checkAll(folder);
} finally {
  await Promise.all(found.map((service) => service.stop()));
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
