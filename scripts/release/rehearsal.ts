import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run, runUntil } from "../packed/program.ts";
import { linesOf } from "../packed/readme-lines.ts";
import { pinned } from "../packed/stranger.ts";
import type { Tarball } from "../packed/tarballs.ts";
import { readManifest, type ReleasePackage } from "./versions.ts";

/** Peers of packages that npm installs with them; at the versions of the lockfile, so that a rehearsal is repeatable. */
function clientsOf(packages: readonly ReleasePackage[]): Record<string, string> {
  const peers = packages.flatMap(({ manifest }) => {
    const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest as Peers;
    return Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  });
  const clients = peers.filter((name) => !name.startsWith("@waybill/"));
  return Object.fromEntries([...clients, "zod", "reflect-metadata", "rxjs"].map((name) => [name, pinned(name)]));
}

interface Peers {
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Installs all packed packages into an empty project. Returns its folder. Throws if a package has another version. */
export async function installAll(
  folder: string,
  tarballs: readonly Tarball[],
  packages: readonly ReleasePackage[],
  version: string,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const ours = Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:../tarballs/${basename(path)}`]));
  const dependencies = { ...clientsOf(packages), ...ours };
  const manifest = { name: "rehearsal", private: true, type: "module", dependencies };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  await run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder, limitMs: 300_000 });
  for (const { name } of tarballs) {
    const installed = readManifest(folder, join("node_modules", name)).version;
    if (installed !== version) throw new Error(`${name} was installed at ${installed}, not at ${version}`);
  }
  return folder;
}

/** Runs the ten lines of the README, and the command. Returns the line that the handler printed. */
export async function runsTheFirstProgram(folder: string, version: string): Promise<string> {
  writeFileSync(join(folder, "main.js"), linesOf("README.md", "js")[0] ?? "");
  const printed = await runUntil("receipt for o_1, attempt 1", ["node", "main.js"], { cwd: folder });
  const said = (await run(["npx", "waybill", "--version"], { cwd: folder })).trim();
  if (said !== version) throw new Error(`waybill --version prints ${said}, not ${version}`);
  return printed.split("\n").find((line) => line.startsWith("receipt")) ?? "";
}

/** The text of a tarball's licence page, if it has one. */
export function thirdPartyOf(folder: string, { files }: Tarball): string | null {
  const path = "dist/THIRD-PARTY.md";
  return files.some((file) => file.path === path) ? readFileSync(join(folder, path), "utf8") : null;
}
