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

/** The version that the lockfile has of a package, wherever it is installed here. */
export function pinned(name: string): string {
  const nested = Object.keys(locked).find((path) => path.endsWith(`/node_modules/${name}`));
  const version = (locked[`node_modules/${name}`] ?? locked[nested ?? ""])?.version;
  if (version === undefined) throw new Error(`the lockfile has no ${name}`);
  return version;
}

const typescript6 = locked["test/typescript-6/node_modules/typescript"]?.version ?? "missing";

/** What the packages leave to the user, and what compiles and checks the user's programs; versions as tested here. */
function others(): Record<string, string> {
  const names = published.flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {}));
  const clients = names.filter((name) => !name.startsWith("@waybill/"));
  const more = [
    "express",
    "fastify",
    "hono",
    "@hono/node-server",
    "@nestjs/platform-express",
    "@nestjs/terminus",
    "@nestjs/testing",
    "@google-cloud/functions-framework",
    "vitest",
    "reflect-metadata",
    "rxjs",
    "zod",
    "typescript",
  ];
  const typings = ["@types/node", "@types/express", "@types/pg"];
  const versions = [...clients, ...more, ...typings].map((name) => [name, pinned(name)]);
  return { ...Object.fromEntries(versions), "typescript-6": `npm:typescript@${typescript6}` };
}

const fromFiles = (tarballs: readonly Tarball[]): Record<string, string> =>
  Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:../tarballs/${basename(path)}`]));

export function project(folder: string, dependencies: Record<string, string>): string {
  mkdirSync(folder);
  const manifest = { name: "stranger", private: true, type: "module", dependencies };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  return folder;
}

export async function install(folder: string): Promise<string> {
  await run(["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder, limitMs: 300_000 });
  return folder;
}

export async function byNpm(parent: string, tarballs: readonly Tarball[]): Promise<Stranger> {
  const folder = project(join(parent, "npm"), { ...others(), ...fromFiles(tarballs) });
  return { by: "npm", folder: await install(folder) };
}

/** Nothing but one backend and the command, so that what is optional is absent. */
export async function byNpmAlone(parent: string, tarballs: readonly Tarball[]): Promise<Stranger> {
  const wanted = tarballs.filter(({ name }) => /^@waybill\/(core|sqlite|cli|http|dashboard|platforms)$/.test(name));
  const few = ["zod", "@types/node", "typescript"].map((name) => [name, pinned(name)]);
  const folder = project(join(parent, "alone"), { ...Object.fromEntries(few), ...fromFiles(wanted) });
  return { by: "SQLite and the command alone", folder: await install(folder) };
}

/** Next 16 with some backends, as its own documentation installs it, for TypeScript. */
export async function byNpmWithNext(parent: string, tarballs: readonly Tarball[]): Promise<Stranger> {
  const wanted = tarballs.filter(({ name }) => /^@waybill\/(core|http|sqlite|bullmq|postgres)$/.test(name));
  const next = {
    next: "16.4.6",
    react: "19.3.1",
    "react-dom": "19.3.1",
    "@types/react": "19.3.3",
    typescript: "6.0.3",
  };
  const clients = ["bullmq", "ioredis", "pg", "zod", "@types/node"].map((name) => [name, pinned(name)]);
  const folder = project(join(parent, "next"), { ...next, ...Object.fromEntries(clients), ...fromFiles(wanted) });
  return { by: "Next", folder: await install(folder) };
}

/** In pnpm's own layout a package reaches what it declares, and nothing else. */
export async function byPnpm(parent: string, tarballs: readonly Tarball[]): Promise<Stranger> {
  const ours = fromFiles(tarballs);
  const folder = project(join(parent, "pnpm"), { ...others(), ...ours });
  // Our packages ask for each other by version, which no registry has yet.
  const overrides = Object.entries(ours).map(([name, file]) => `  "${name}": "${file}"\n`);
  // pnpm wants to be told that these scripts need not run: BullMQ's encoder works without its optional native part, and that of
  // protobufjs, of OpenTelemetry's exporters, prints a warning.
  const settings = `overrides:\n${overrides.join("")}allowBuilds:\n  msgpackr-extract: false\n  protobufjs: false\n`;
  writeFileSync(join(folder, "pnpm-workspace.yaml"), settings);
  const pnpm = [process.execPath, join(root, "node_modules/pnpm/bin/pnpm.mjs")];
  const store = ["--store-dir", join(parent, "pnpm-store")];
  await run([...pnpm, "install", "--prefer-offline", ...store], { cwd: folder, limitMs: 300_000 });
  return { by: "pnpm", folder };
}
