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

/** Installs what pages say. Two pages that say the same share an installation. */
export interface PageInstaller {
  /** A folder for the page in a project with what its install lines install and nothing else: ours as packed, others as pinned here. */
  folderOf(page: string): Promise<string>;
}

export function createPageInstaller(parent: string, tarballs: readonly Tarball[]): PageInstaller {
  const installed = new Map<string, Promise<string>>();

  async function install(manifest: string, folder: string): Promise<string> {
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), manifest);
    await run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder, limitMs: 300_000 });
    return folder;
  }

  return {
    async folderOf(page) {
      const manifest = manifestOf(page, tarballs);
      const project = installed.get(manifest) ?? install(manifest, join(parent, `by-lines-${installed.size}`));
      installed.set(manifest, project);
      return within(await project, page);
    },
  };
}

/** The same text for the same names, in whatever order a page has them. */
function manifestOf(page: string, tarballs: readonly Tarball[]): string {
  const names = [...new Set([...(before[page] ?? []), ...namesOf(page)])].toSorted();
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
  return JSON.stringify({ private: true, type: "module", dependencies, overrides });
}

/** A folder for the page in a project that has what it needs. In it lies `jobs.js`, which pages take for granted. */
export function within(stranger: string, page: string): string {
  const folder = join(stranger, slug(page));
  mkdirSync(folder);
  writeFileSync(join(folder, "jobs.js"), jobsFile);
  return folder;
}
