import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { published, root } from "../../test/workspace.ts";
import { run } from "./program.ts";

export interface Tarball {
  /** "@waybill/core" */
  readonly name: string;
  readonly path: string;
  /** Bytes, packed. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Every published package, as `npm publish` would send it. */
export function pack(folder: string): Promise<Tarball[]> {
  return packIn(root, folder, published);
}

/** The same of `packages` of another copy of the repository. */
export async function packIn(
  copy: string,
  folder: string,
  packages: readonly { readonly path: string }[],
): Promise<Tarball[]> {
  mkdirSync(folder);
  const paths = packages.map(({ path }) => `./${path}`);
  const said = await run(["npm", "pack", "--json", "--silent", "--pack-destination", folder, ...paths], { cwd: copy });
  const packed = Object.values(JSON.parse(said) as Readonly<Record<string, Packed>>);
  return packed.map(({ name, filename, size, files }) => ({ name, path: join(folder, filename), size, files }));
}

/** What a package holds that it should not, or lacks. */
export function faultsOf(tarball: Tarball): string[] {
  const workspace = published.find(({ manifest }) => manifest.name === tarball.name);
  if (workspace === undefined) return [`${tarball.name} is not of this repository`];
  const paths = tarball.files.map(({ path }) => path);
  const { exports = {}, bin = {}, imports = {} } = workspace.manifest;
  const named = [...Object.values(exports).flatMap((target) => Object.values(target)), ...Object.values(bin)];
  // Of the package itself: made by a step of its build, so that no source has their name.
  const made = Object.values(imports).flatMap((target) => Object.values(target));
  const inner = made.filter((path) => path.startsWith("./dist/")).map((path) => path.replace("./", ""));
  const wanted = ["LICENSE", "README.md", "package.json", ...named.map((path) => path.replace("./", "")), ...inner];
  const surplus = paths.filter((path) => !isExpected(path) && !wanted.includes(path));
  // A file of dist whose source is gone: left over from an earlier build, and kept by the cache of builds.
  const stale = paths.filter((path) => !inner.includes(path) && !hasSource(path, workspace.path));
  const machines = paths.filter((path) => {
    const text = readFileSync(join(root, workspace.path, path), "utf8");
    return text.includes(`${root}/`) || (homedir() !== "/" && text.includes(`${homedir()}/`));
  });
  return [
    ...wanted.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`),
    ...surplus.map((path) => `${path} does not belong there`),
    ...stale.map(
      (path) => `${path} has no source any more; run: rm -rf ${workspace.path}/dist && npx turbo run build --force`,
    ),
    ...machines.map((path) => `${path} names a folder of this machine`),
  ].map((fault) => `${tarball.name}: ${fault}`);
}

const isExpected = (path: string): boolean =>
  /^(src\/[\w./-]+\.ts|dist\/[\w./-]+\.(js|d\.ts)(\.map)?|dist\/cjs\/[\w-]+\.cjs|dist\/THIRD-PARTY\.md|[\w-]+\.md)$/.test(
    path,
  ) && !/(^|\/)tests?\//.test(path);

function hasSource(path: string, workspace: string): boolean {
  const source = /^dist\/(.*?)(\.d)?\.(js|ts)(\.map)?$/.exec(path)?.[1];
  return source === undefined || existsSync(join(root, workspace, "src", `${source}.ts`));
}
