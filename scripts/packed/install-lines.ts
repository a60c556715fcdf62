import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { blocksOf, jobsFile } from "../../test/code-blocks/blocks.ts";
import { published } from "../../test/workspace.ts";
import { slug } from "../../test/code-blocks/compile.ts";
import { run } from "./program.ts";
import { pinned } from "./stranger.ts";
import type { Tarball } from "./tarballs.ts";

/** Where a page's reader is before its first line: Nest's stock project. Everybody else begins in an empty folder. */
const before: Readonly<Record<string, readonly string[]>> = {
  "packages/nest/README.md": [
    "@nestjs/common",
    "@nestjs/core",
    "@nestjs/platform-express",
    "reflect-metadata",
    "rxjs",
    "typescript",
    "@types/node",
  ],
};

/** What the page says to install, in its order. */
export function namesOf(page: string): string[] {
  const shell = blocksOf(page).filter(({ language }) => language === "sh");
  const lines = shell.flatMap(({ code }) => [...code.matchAll(/^npm install ([^#\n]*)/gm)]);
  return lines.flatMap(([, given = ""]) => given.split(/\s+/).filter((name) => name !== "" && !name.startsWith("-")));
}

/**
 * A folder with what the page's install lines install and nothing else: ours as packed, others as pinned here. Beside it
 * lies `jobs.js`, which pages take for granted.
 */
export async function byInstallLines(parent: string, tarballs: readonly Tarball[], page: string): Promise<string> {
  const folder = join(parent, slug(page));
  const names = [...(before[page] ?? []), ...namesOf(page)];
  if (names.length === 0) throw new Error(`${page} says nothing of what to install`);
  const fileOf = (name: string): string | null => {
    const tarball = tarballs.find((one) => one.name === name);
    return tarball === undefined ? null : `file:../tarballs/${basename(tarball.path)}`;
  };
  const dependencies = Object.fromEntries(names.map((name) => [name, fileOf(name) ?? pinned(name)]));
  // Ours that these depend on: no registry has them yet.
  const ours = published.filter(({ manifest }) => names.includes(manifest.name)).map(({ manifest }) => manifest);
  const unnamed = ours
    .flatMap((manifest) => Object.keys(manifest.dependencies ?? {}))
    .filter((name) => !names.includes(name));
  const overrides = Object.fromEntries(
    unnamed.flatMap((name) => (fileOf(name) === null ? [] : [[name, fileOf(name)]])),
  );
  mkdirSync(folder);
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", dependencies, overrides }),
  );
  await run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder, limitMs: 300_000 });
  writeFileSync(join(folder, "jobs.js"), jobsFile);
  return folder;
}

/** A folder for the page in a project that has everything already. */
export function within(stranger: string, page: string): string {
  const folder = join(stranger, slug(page));
  mkdirSync(folder);
  writeFileSync(join(folder, "jobs.js"), jobsFile);
  return folder;
}
