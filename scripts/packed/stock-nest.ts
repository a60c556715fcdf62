import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocksOf } from "../../test/code-blocks/blocks.ts";
import { run, runUntilCtrlC } from "./program.ts";
import type { Tarball } from "./tarballs.ts";

/** The version of `@nestjs/cli` whose `nest new` makes the project. With Nest 11 it is CommonJS with Jest, with Nest 12 ESM with Vitest. */
const CLI = { "11": "11.0.24", "12": "12.0.8" } as const;
const PACKAGES: ReadonlySet<string> = new Set(["@waybill/core", "@waybill/http", "@waybill/nest", "@waybill/sqlite"]);

/** The README's blocks that are the files of such a project: each as it is printed. The test in CommonJS is in a block of its own. */
function blockOf(file: string, language = "ts"): string {
  const block = blocksOf("packages/nest/README.md").find((one) => one.file === file && one.language === language);
  if (block === undefined) throw new Error(`the README of Nest shows no ${file} in ${language} any more`);
  return block.code;
}

/** What `nest new` makes, our packages in it, and what its scripts say of the README's files; then the application runs. */
export async function testsInStockNest(
  parent: string,
  tarballs: readonly Tarball[],
  major: keyof typeof CLI,
): Promise<void> {
  const folder = join(parent, `nest-${major}`);
  mkdirSync(folder);
  const manifest = { name: "maker", private: true, dependencies: { "@nestjs/cli": CLI[major] } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const install = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"];
  await run(install, { cwd: folder, limitMs: 300_000 });
  const flags = ["--skip-install", "--skip-git", "--package-manager", "npm"];
  await run(["npx", "--no-install", "nest", "new", "app", ...flags], { cwd: folder });
  const app = join(folder, "app");
  const ours = tarballs.filter(({ name }) => PACKAGES.has(name)).map(({ path }) => path);
  const zod = JSON.parse(readFileSync(join(import.meta.dirname, "../../node_modules/zod/package.json"), "utf8")) as {
    readonly version: string;
  };
  await run([...install, ...ours, `zod@${zod.version}`], { cwd: app, limitMs: 300_000 });
  for (const file of ["app.module.ts", "main.ts"]) writeFileSync(join(app, "src", file), blockOf(file));
  writeFileSync(join(app, "src/checkout.spec.ts"), blockOf("checkout.spec.ts", major === "11" ? "cts" : "ts"));
  const output = await run(["npm", "test"], { cwd: app });
  if (!/checkout\.spec\.ts/.test(output)) throw new Error(`the test did not run:\n${output}`);
  // The test as well, which the build leaves out.
  await run(["npx", "--no-install", "tsc", "--noEmit"], { cwd: app });
  await run(["npm", "run", "build"], { cwd: app });
  await runUntilCtrlC("receipt for o_1", ["node", "dist/main"], { cwd: app });
  await run(["npm", "run", "lint"], { cwd: app });
}
