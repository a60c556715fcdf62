import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSync } from "vite";

export const root: string = dirname(import.meta.dirname);

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly type?: string;
  readonly sideEffects?: boolean;
  readonly engines?: { readonly node?: string };
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly imports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface Workspace {
  /** Relative to the root: "packages/core", or "." for the root itself. */
  readonly path: string;
  readonly manifest: Manifest;
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function workspace(path: string): Workspace {
  return { path, manifest: JSON.parse(read(join(path, "package.json"))) as Manifest };
}

export const top: Workspace = workspace(".");
export const workspaces: readonly Workspace[] = globSync("{packages,apps}/*/package.json", { cwd: root })
  .toSorted()
  .map((path) => workspace(dirname(path)));
export const published: readonly Workspace[] = workspaces.filter(({ manifest }) => !manifest.private);

/** TypeScript and JavaScript below `folder`, without what is built or installed; paths relative to the root. */
export function sources(folder: string): string[] {
  return globSync(`${folder}/**/*.{ts,mts,js,mjs}`, { cwd: root })
    .filter((path) => !/(^|\/)(dist|node_modules)\//.test(path))
    .toSorted();
}

export interface Import {
  /** Null where the program computes it. */
  readonly specifier: string | null;
  readonly dynamic: boolean;
}

/** Every import, re-export and `import()` of one file. */
export function importsOf(path: string): Import[] {
  const code = read(path);
  const { module, errors } = parseSync(path, code);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`);
  const reexported = module.staticExports.flatMap(({ entries }) => entries.map((entry) => entry.moduleRequest?.value));
  const imported = module.staticImports.map(({ moduleRequest }) => moduleRequest.value);
  const computed = module.dynamicImports.map(({ moduleRequest }) => {
    const literal = /^["'](.*)["']$/.exec(code.slice(moduleRequest.start, moduleRequest.end));
    return { specifier: literal?.[1] ?? null, dynamic: true };
  });
  return [
    ...[...imported, ...reexported]
      .filter((value) => value !== undefined)
      .map((specifier) => ({ specifier, dynamic: false })),
    ...computed,
  ];
}

/** Names that one file exports, as others see them. */
export function exportsOf(path: string): string[] {
  const { module } = parseSync(path, read(path));
  return module.staticExports.flatMap(({ entries }) => entries.map(({ exportName }) => exportName.name ?? "default"));
}
