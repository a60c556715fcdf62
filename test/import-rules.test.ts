import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { importsOf, published, read, root, sources, top, type Workspace, workspaces } from "./workspace.ts";

/** What the sources of a package may load from its neighbours. A package without a line here is a backend. */
const mayLoad: Readonly<Record<string, readonly string[]>> = {
  "@waybill/core": [],
  "@waybill/backend-contract": ["@waybill/core"],
  "@waybill/http": ["@waybill/core"],
  "@waybill/dashboard": ["@waybill/core"],
  "@waybill/platforms": ["@waybill/core"],
  "@waybill/express": ["@waybill/core", "@waybill/http"],
  "@waybill/nest": ["@waybill/core", "@waybill/http"],
};
const everything = workspaces.map(({ manifest }) => manifest.name);

function neighboursOf({ path, manifest }: Workspace): readonly string[] {
  if (path.startsWith("apps/") || ["@waybill/cli", "create-waybill"].includes(manifest.name)) return everything;
  return mayLoad[manifest.name] ?? ["@waybill/core"];
}

/** The one file in which core imports backends: one when a URL asks for it. */
const backendTable = "packages/core/src/connect/backend-packages.ts";
/** Files that load what the user names: the only ones with a computed import. */
const loadsWhatTheUserNames: ReadonlySet<string> = new Set(["packages/cli/src/jobs-file/load.ts"]);

const packageOf = (specifier: string): string =>
  specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : (specifier.split("/")[0] ?? specifier);

/** Why this import is against the rules, or null. */
function faultOf(workspace: Workspace, file: string, specifier: string): string | null {
  const inSources = file.startsWith(`${workspace.path}/src/`);
  if (specifier.startsWith(".")) return faultOfRelative(workspace, file, specifier, inSources);
  if (specifier.startsWith("node:")) return null;
  // What a build writes, under a name of the package's own.
  if (specifier.startsWith("#"))
    return Object.hasOwn(workspace.manifest.imports ?? {}, specifier)
      ? null
      : `package.json has no import "${specifier}"`;
  if (isBuiltin(specifier)) return `write "node:${specifier}"`;
  const name = packageOf(specifier);
  const { dependencies, peerDependencies, optionalDependencies, devDependencies } = workspace.manifest;
  const declared = { ...dependencies, ...peerDependencies, ...optionalDependencies };
  const known = inSources ? declared : { ...declared, ...devDependencies, ...top.manifest.devDependencies };
  const neighbour = workspaces.find((other) => other.manifest.name === name);
  if (name !== workspace.manifest.name && !neighbour && !(name in known)) return `"${name}" is not in package.json`;
  if (!neighbour) return null;
  if (!Object.hasOwn(neighbour.manifest.exports ?? {}, `.${specifier.slice(name.length)}`))
    return `"${name}" does not export this path`;
  if (inSources && name !== workspace.manifest.name && !neighboursOf(workspace).includes(name))
    return `${workspace.manifest.name} must not know ${name}`;
  return null;
}

function faultOfRelative({ path }: Workspace, file: string, specifier: string, inSources: boolean): string | null {
  const target = normalize(join(dirname(file), specifier));
  const home = inSources ? `${path}/src` : path;
  if (relative(home, target).startsWith("..")) return `leaves ${home}`;
  return existsSync(join(root, target)) ? null : "names no file; relative imports end in .ts";
}

describe.each(workspaces)("$path", (workspace) => {
  test("imports only what its place in the layout allows", () => {
    const faults = sources(workspace.path).flatMap((file) =>
      importsOf(file)
        .filter(({ specifier, dynamic }) => specifier !== null && !(dynamic && file === backendTable))
        .map(({ specifier }) => [specifier, faultOf(workspace, file, specifier ?? "")] as const)
        .filter(([, fault]) => fault !== null)
        .map(([specifier, fault]) => `${file}: "${specifier}": ${fault}`),
    );
    expect(faults).toEqual([]);
  });

  test("depends in package.json only on neighbours that its place allows", () => {
    const { dependencies, peerDependencies, optionalDependencies } = workspace.manifest;
    const needed = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
    const neighbours = needed.filter((name) => everything.includes(name));
    // Core may name backends as optional peers; it loads them only from its table.
    const allowed = workspace.manifest.name === "@waybill/core" ? Object.keys(peerDependencies ?? {}) : [];
    expect(neighbours.filter((name) => !neighboursOf(workspace).includes(name) && !allowed.includes(name))).toEqual([]);
  });
});

test("an import whose target is computed stands only where the user names what to load", () => {
  const computed = published.flatMap(({ path }) =>
    sources(`${path}/src`).filter((file) => importsOf(file).some(({ specifier }) => specifier === null)),
  );
  expect(computed.filter((file) => !loadsWhatTheUserNames.has(file))).toEqual([]);
});

test("a library finds nothing by the place of its file, which is another one in a bundle", () => {
  const libraries = published.filter(({ manifest }) => manifest.name !== "@waybill/cli");
  const byPlace = libraries.flatMap(({ path }) =>
    sources(`${path}/src`).filter((file) => /\bimport\.meta\b|\b__dirname\b|\bcreateRequire\b/.test(read(file))),
  );
  // From the working directory, where a package of a backend is looked for in the end.
  expect(byPlace).toEqual([backendTable]);
});

test("a backend runs no job: its package loads what endpoints need only in an endpoint of its own", () => {
  const endpoints = new Set(["packages/sqs/src/lambda.ts"]);
  const backends = published.filter(({ manifest }) => !(manifest.name in mayLoad));
  const loading = backends
    .filter(({ manifest }) => manifest.name !== "@waybill/cli")
    .flatMap(({ path }) => sources(`${path}/src`))
    .filter((file) => importsOf(file).some(({ specifier }) => specifier === "@waybill/core/endpoint"));
  expect(loading.filter((file) => !endpoints.has(file))).toEqual([]);
});

test("within core only the seam, and what opens or makes a backend, knows the type Backend", () => {
  const mayKnow =
    /^packages\/core\/src\/(backend|memory|testing|exports)\/|\/(open-seam|load-on-demand|unique-backend|key-ends)\.ts$/;
  const knowing = sources("packages/core/src").filter((file) => /\bimport\b[^;]*\bBackend\b[^;]*;/.test(read(file)));
  expect(knowing).toContain("packages/core/src/backend/seam.ts");
  expect(knowing.filter((file) => !mayKnow.test(file))).toEqual([]);
});

test("core has no runtime dependency but croner, which it loads when a schedule has a cron expression", () => {
  const core = workspaces.find(({ manifest }) => manifest.name === "@waybill/core");
  expect(Object.keys(core?.manifest.dependencies ?? {})).toEqual(["croner"]);
  expect(core?.manifest.optionalDependencies ?? {}).toEqual({});
  const loading = sources("packages/core/src").filter((file) => read(file).includes('"croner"'));
  expect(loading).toEqual(["packages/core/src/features/schedules/cron-ticks.ts"]);
  expect(read(loading[0] ?? "")).toContain('await import("croner")');
});

describe("the rules above refuse", () => {
  const named = (name: string): Workspace => {
    const found = workspaces.find(({ manifest }) => manifest.name === name);
    if (!found) throw new Error(`no workspace is called ${name}`);
    return found;
  };
  test.each([
    ["core loading a backend", "@waybill/core", "packages/core/src/worker/worker.ts", "@waybill/sqlite"],
    ["core loading something from npm", "@waybill/core", "packages/core/src/worker/worker.ts", "zod"],
    ["a backend loading the suite", "@waybill/sqlite", "packages/sqlite/src/backend.ts", "@waybill/backend-contract"],
    ["a backend loading the command", "@waybill/sqlite", "packages/sqlite/src/backend.ts", "@waybill/cli"],
    ["the suite loading a test runner", "@waybill/backend-contract", "packages/backend-contract/src/run.ts", "vitest"],
    ["a deep import", "@waybill/sqlite", "packages/sqlite/src/backend.ts", "@waybill/core/src/backend.ts"],
    ["a way out of the sources", "@waybill/sqlite", "packages/sqlite/src/backend.ts", "../../core/src/backend.ts"],
    ["a test reaching into a neighbour", "@waybill/cli", "packages/cli/test/a.test.ts", "../../core/src/backend.ts"],
    ["an ending that only a bundler understands", "@waybill/core", "packages/core/src/index.ts", "./errors.js"],
    ["an import of its own that its manifest does not have", "@waybill/core", "packages/core/src/index.ts", "#page"],
    ["a builtin without its prefix", "@waybill/core", "packages/core/src/index.ts", "fs"],
  ])("%s", (_, name, file, specifier) => {
    expect(faultOf(named(name), file, specifier)).toEqual(expect.any(String));
  });
});
