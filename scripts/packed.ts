// The packages as users get them: packed, installed by npm and by pnpm outside of this repository, run and compiled there.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findService, type FoundService } from "@waybill/test-servers";
import { compiles, layouts } from "./packed/compiling.ts";
import { loadsAsCommonJs, loadsAsEsm } from "./packed/loading.ts";
import { readmes, runsTheReadme, type Urls } from "./packed/readmes.ts";
import { byNpm, byNpmAlone, byPnpm, compilers, type Stranger } from "./packed/stranger.ts";
import { faultsOf, pack } from "./packed/tarballs.ts";

let passed = 0;
let failed = 0;

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
  for (const [name, runs] of Object.entries(readmes)) {
    await check(`${by}: the lines of ${name} run`, () => runs(stranger, urls));
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

async function checkAll(folder: string): Promise<void> {
  const tarballs = await pack(join(folder, "tarballs"));
  for (const { name, size, files } of tarballs) {
    console.log(`${name.padEnd(26)} ${(size / 1_024).toFixed(0).padStart(5)} KiB  ${files.length} files`);
  }
  await check("tarballs hold code, types, sources, a README and the licence, and nothing else", async () => {
    const faults = tarballs.flatMap(faultsOf);
    if (faults.length > 0) throw new Error(faults.join("\n"));
  });
  const [urls, npm, pnpm, alone] = await Promise.all([
    check("the servers run that the READMEs name", servers),
    check("npm installs all in an empty folder", () => byNpm(folder, tarballs)),
    check("pnpm installs all in an empty folder", () => byPnpm(folder, tarballs)),
    check("npm installs core and SQLite alone", () => byNpmAlone(folder, tarballs)),
  ]);
  // One after the other: they share the servers.
  for (const stranger of [npm, pnpm]) if (stranger && urls) await checkPrograms(stranger, urls);
  if (npm) await checkTypes(npm);
  if (pnpm) await check("pnpm: types compile", () => compiles(pnpm, "typescript", "node"));
  if (alone) await check(`${alone.by}: the lines of the README run`, () => runsTheReadme(alone));
  if (alone) await check(`${alone.by}: types compile`, () => compiles(alone, "typescript", "node", true));
}

const folder = mkdtempSync(join(tmpdir(), "waybill-packed-"));
try {
  await checkAll(folder);
} finally {
  await Promise.all(found.map((service) => service.stop()));
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
