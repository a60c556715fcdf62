import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { published, read, root } from "../../test/workspace.ts";
import { run } from "./program.ts";
import type { Tarball } from "./tarballs.ts";

/** A project of somebody else's: a folder outside this repository in which the packages are installed. */
export interface Stranger {
  /** Who installed them: "npm", "pnpm". */
  readonly by: string;
  readonly folder: string;
}

/** The first is TypeScript 6, the second the one that this repository uses. */
export const compilers = ["typescript-6", "typescript"] as const;

const locked = (JSON.parse(read("package-lock.json")) as { packages: Record<string, { version?: string }> }).packages;
const pinned = (name: string): string => locked[`node_modules/${name}`]?.version ?? "not in the lockfile";

/** What the packages leave to the user, and what compiles and checks the user's programs; versions as tested here. */
function others(): Record<string, string> {
  const names = published.flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {}));
  const clients = names.filter((name) => !name.startsWith("@waybill/"));
  const more = ["express", "@nestjs/platform-express", "reflect-metadata", "rxjs", "zod", "typescript"];
  const typings = ["@types/node", "@types/express", "@types/pg"];
  const versions = [...clients, ...more, ...typings].map((name) => [name, pinned(name)]);
  return { ...Object.fromEntries(versions), "typescript-6": "npm:typescript@6.0.3" };
}

const fromFiles = (tarballs: readonly Tarball[]): Record<string, string> =>
  Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:../tarballs/${basename(path)}`]));

function project(folder: string, dependencies: Record<string, string>): string {
  mkdirSync(folder);
  const manifest = { name: "stranger", private: true, type: "module", dependencies };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  return folder;
}

export async function byNpm(parent: string, tarballs: readonly Tarball[]): Promise<Stranger> {
  const folder = project(join(parent, "npm"), { ...others(), ...fromFiles(tarballs) });
  await run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder, limitMs: 300_000 });
  return { by: "npm", folder };
}

/** Nothing but core and one backend, so that what is optional is absent. */
export async function byNpmAlone(parent: string, tarballs: readonly Tarball[]): Promise<Stranger> {
  const wanted = tarballs.filter(({ name }) => name === "@waybill/core" || name === "@waybill/sqlite");
  const few = ["zod", "@types/node", "typescript"].map((name) => [name, pinned(name)]);
  const folder = project(join(parent, "alone"), { ...Object.fromEntries(few), ...fromFiles(wanted) });
  await run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder, limitMs: 300_000 });
  return { by: "core and SQLite alone", folder };
}

/** In pnpm's own layout a package reaches what it declares, and nothing else. */
export async function byPnpm(parent: string, tarballs: readonly Tarball[]): Promise<Stranger> {
  const ours = fromFiles(tarballs);
  const folder = project(join(parent, "pnpm"), { ...others(), ...ours });
  // Our packages ask for each other by version, which no registry has yet.
  const overrides = Object.entries(ours).map(([name, file]) => `  "${name}": "${file}"\n`);
  // BullMQ's encoder works without its optional native part; pnpm wants to be told that its script need not run.
  const settings = `overrides:\n${overrides.join("")}allowBuilds:\n  msgpackr-extract: false\n`;
  writeFileSync(join(folder, "pnpm-workspace.yaml"), settings);
  const pnpm = [process.execPath, join(root, "node_modules/pnpm/bin/pnpm.mjs")];
  const store = ["--store-dir", join(parent, "pnpm-store")];
  await run([...pnpm, "install", "--prefer-offline", ...store], { cwd: folder, limitMs: 300_000 });
  return { by: "pnpm", folder };
}
