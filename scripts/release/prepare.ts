// Makes the versions and the changelogs of a release candidate out of the changesets. Publishes nothing.
// `npm run release:prepare -- FOLDER` does it in FOLDER, a copy of the repository.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { publishedIn, readManifest, setRepositories, setVersions } from "./versions.ts";

/** The candidate before the first one: changesets counts on from the version that it finds. */
const BEFORE_THE_FIRST = "1.0.0-rc.0";

/** Prepares the next candidate in `folder` and returns its version. Throws when a step fails. */
export function prepare(folder: string): string {
  const run = (command: string, ...args: readonly string[]): void => {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`${[command, ...args].join(" ")} failed: ${error ?? `${stdout}${stderr}`}`);
  };
  const changeset = resolve(folder, "node_modules/@changesets/cli/bin.js");
  if (!existsSync(join(folder, ".changeset/pre.json"))) run(process.execPath, changeset, "pre", "enter", "rc");
  const isFirst = publishedIn(folder).every(({ manifest }) => manifest.version === "0.0.0");
  if (isFirst) setVersions(folder, BEFORE_THE_FIRST);
  run(process.execPath, changeset, "version");
  const versions = new Set(publishedIn(folder).map(({ manifest }) => manifest.version));
  const [version, ...others] = versions;
  if (version === undefined || others.length > 0) throw new Error(`the versions differ: ${[...versions].join(", ")}`);
  if (isFirst && version === BEFORE_THE_FIRST) throw new Error("there is no changeset, so there is nothing to release");
  // Examples and apps are not versioned, but ask for these packages.
  setVersions(folder, version);
  setRepositories(folder);
  return version;
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? ".");
  if (readManifest(folder, ".").repository?.url === undefined) {
    console.error(
      'package.json of the repository has no "repository". npm accepts provenance only with the address that the packages ' +
        'are published from. Add "repository": { "type": "git", "url": "git+https://…" }, "homepage" and "bugs" to it.',
    );
    process.exit(1);
  }
  const version = prepare(folder);
  const locked = spawnSync("npm", ["install", "--package-lock-only", "--offline"], { cwd: folder, encoding: "utf8" });
  if (locked.status !== 0) throw new Error(locked.stderr);
  console.log(`${version}: read the changes of git diff, then commit them. Nothing is published.`);
}
