import { existsSync, globSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { importsOf, published, read, root, sources, type Manifest } from "./workspace.ts";

const examples = globSync("examples/*/package.json", { cwd: root })
  .map((path) => dirname(path))
  .toSorted();
const manifests = globSync("examples/**/package.json", { cwd: root, exclude: ["**/node_modules", "**/dist"] });
const manifestOf = (path: string): Manifest => JSON.parse(read(path)) as Manifest;
const allOf = ({ dependencies, devDependencies, peerDependencies }: Manifest): Record<string, string> => ({
  ...peerDependencies,
  ...devDependencies,
  ...dependencies,
});

test("an example has a README, no lockfile, a line in the table, and a test that runs it", () => {
  const tests = globSync("test/examples/*.process.test.ts", { cwd: root }).map(read).join("\n");
  const faults = examples.flatMap((path) => {
    const name = path.replace("examples/", "");
    return [
      existsSync(join(root, path, "README.md")) ? "" : `${path} has no README.md`,
      existsSync(join(root, path, "package-lock.json")) ? `${path} has a lockfile` : "",
      read("examples/README.md").includes(`| [${name}](${name}) |`) ? "" : `examples/README.md does not list ${name}`,
      tests.includes(`"${name}"`) ? "" : `no test of test/examples installs ${name}`,
    ].filter((fault) => fault !== "");
  });
  expect(faults).toEqual([]);
});

test("an example pins exact versions, and our packages as they are here", () => {
  const ours = new Map(published.map(({ manifest }) => [manifest.name, manifest.version]));
  const locals = new Set(manifests.map((path) => manifestOf(path).name));
  const faults = manifests.flatMap((path) =>
    Object.entries(allOf(manifestOf(path)))
      .filter(([name]) => !locals.has(name))
      .filter(([name, version]) => version !== (ours.get(name) ?? version) || !/^(npm:.*@)?\d+\.\d+\.\d+/.test(version))
      .map(([name, version]) => `${path}: ${name} ${version}`),
  );
  expect(faults).toEqual([]);
});

test("an example depends on each package that it imports", () => {
  const builtin = new Set(builtinModules);
  const faults = manifests.flatMap((path) => {
    const manifest = manifestOf(path);
    const names = new Set([...Object.keys(allOf(manifest)), manifest.name]);
    const inner = manifests.filter((other) => other !== path && other.startsWith(`${dirname(path)}/`)).map(dirname);
    return sources(dirname(path))
      .filter((file) => !inner.some((folder) => file.startsWith(`${folder}/`)))
      .flatMap((file) => importsOf(file).map(({ specifier }) => ({ file, specifier: specifier ?? "" })))
      .filter(({ specifier }) => /^[@a-z]/i.test(specifier) && !specifier.startsWith("@/"))
      .map(({ file, specifier }) => ({ file, name: /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? "" }))
      .filter(
        ({ name }) => !names.has(name) && !names.has(`@types/${name}`) && !builtin.has(name) && !/^[a-z]+:/.test(name),
      )
      .map(({ file, name }) => `${file} imports ${name}`);
  });
  expect(faults).toEqual([]);
});
