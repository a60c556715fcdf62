import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The members of a package.json that a release reads or writes. */
export interface ReleaseManifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly repository?: { readonly type?: string; readonly url?: string; readonly directory?: string };
  readonly homepage?: string;
  readonly bugs?: string;
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean };
  readonly engines?: { readonly node?: string };
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
}

export interface ReleasePackage {
  /** "packages/core" */
  readonly path: string;
  readonly manifest: ReleaseManifest;
}

export function readManifest(folder: string, path: string): ReleaseManifest {
  return JSON.parse(readFileSync(join(folder, path, "package.json"), "utf8")) as ReleaseManifest;
}

/** The packages in `folder`, a copy of the repository, that npm gets. */
export function publishedIn(folder: string): ReleasePackage[] {
  return globSync("packages/*/package.json", { cwd: folder })
    .map((file) => file.replace(/\/package\.json$/, ""))
    .toSorted()
    .map((path) => ({ path, manifest: readManifest(folder, path) }))
    .filter(({ manifest }) => !manifest.private);
}

/**
 * Sets the version of every published package, also where another package of the repository asks for it. A package that is
 * not published keeps its version.
 */
export function setVersions(folder: string, version: string): void {
  const published = publishedIn(folder);
  const names = published.map(({ manifest }) => manifest.name).join("|");
  const asked = new RegExp(`^( +"(?:${names})": )"[^"]+"`, "gm");
  for (const file of globSync("{packages,apps,examples}/*/package.json", { cwd: folder })) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    const own = published.some((one) => join(one.path, "package.json") === file);
    const dependencies = text.replaceAll(asked, (whole: string, start: string) =>
      whole.includes('"file:') || whole.includes('"link:') ? whole : `${start}"${version}"`,
    );
    const changed = own ? dependencies.replace(/^( {2}"version": )"[^"]+"/m, `$1"${version}"`) : dependencies;
    if (changed !== text) writeFileSync(path, changed);
  }
}

/** Copies the address of the repository from the root's package.json into each published one, with its folder. */
export function setRepositories(folder: string): void {
  const { repository, homepage, bugs } = readManifest(folder, ".");
  if (repository?.url === undefined) return;
  for (const { path } of publishedIn(folder)) {
    const file = join(folder, path, "package.json");
    const manifest = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    manifest["repository"] = { type: "git", url: repository.url, directory: path };
    if (homepage !== undefined) manifest["homepage"] = homepage;
    if (bugs !== undefined) manifest["bugs"] = bugs;
    writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  }
}
