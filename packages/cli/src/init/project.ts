import { readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { toError } from "@waybill/core";
import { errorCode } from "@waybill/core/endpoint";
import { UsageError } from "../exit.ts";

export type Manifest = Readonly<Record<string, unknown>>;

/** A folder as it is before `init`. */
export interface Project {
  readonly folder: string;
  /** The text of package.json; null if there is none. */
  readonly text: string | null;
  readonly manifest: Manifest;
  /** `.ts` and `.js` files are ES modules. */
  readonly isEsm: boolean;
  readonly framework: "nest" | "express" | null;
  /** "new": the folder has no sources yet; TypeScript is set up. */
  readonly language: "new" | "typescript" | "javascript";
  /** Whether tsconfig.json allows imports that end in `.ts`. */
  readonly importsTs: boolean;
  readonly hasGitignore: boolean;
  readonly packageManager: "npm" | "pnpm" | "yarn" | "bun";
}

/** Reads a folder, which may be missing. Throws `UsageError` for a file, and for a package.json that is not JSON. */
export function readProject(path: string): Project {
  const folder = resolve(path);
  checkFolder(folder, path);
  const text = readText(join(folder, "package.json"));
  const manifest = text === null ? {} : parsed(text);
  const tsconfig = readText(join(folder, "tsconfig.json"));
  const known = dependenciesOf(manifest);
  const framework = known.has("@nestjs/core") ? "nest" : known.has("express") ? "express" : null;
  const isTypeScript = tsconfig !== null || known.has("typescript");
  const language = isTypeScript ? "typescript" : known.size > 0 ? "javascript" : "new";
  return {
    folder,
    text,
    manifest: text === null ? { name: nameFor(folder), private: true, type: "module" } : manifest,
    isEsm: text === null || manifest["type"] === "module",
    framework,
    language,
    importsTs: /"(allowImportingTsExtensions|rewriteRelativeImportExtensions)"\s*:\s*true/.test(tsconfig ?? ""),
    hasGitignore: readText(join(folder, ".gitignore")) !== null,
    packageManager: packageManagerOf(folder),
  };
}

function checkFolder(folder: string, path: string): void {
  try {
    if (statSync(folder).isDirectory()) return;
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return;
    throw new UsageError(`${path} cannot be read: ${toError(thrown).message}`, { cause: thrown });
  }
  throw new UsageError(`${path} is a file; name a folder`);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return null;
    throw new UsageError(`${file} cannot be read: ${toError(thrown).message}`, { cause: thrown });
  }
}

function parsed(text: string): Manifest {
  let value: unknown;
  try {
    // Some editors on Windows begin a file with a byte order mark, which npm accepts.
    value = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (thrown) {
    throw new UsageError(`package.json is not JSON (${toError(thrown).message}); correct it, then run this again`, {
      cause: thrown,
    });
  }
  if (!isRecord(value)) throw new UsageError("package.json is no JSON object; correct it, then run this again");
  for (const name of ["scripts", "dependencies", "devDependencies"]) {
    if (value[name] === undefined || isRecord(value[name])) continue;
    throw new UsageError(`"${name}" in package.json is no object; correct it, then run this again`);
  }
  return value;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns the names of all dependencies. */
export function dependenciesOf(manifest: Manifest): Set<string> {
  const lists = [manifest["dependencies"], manifest["devDependencies"], manifest["peerDependencies"]];
  return new Set(lists.filter(isRecord).flatMap((list) => Object.keys(list)));
}

/** Returns a name for the project that npm allows. */
function nameFor(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" ? "jobs" : name.slice(0, 200);
}

function packageManagerOf(folder: string): Project["packageManager"] {
  const locks = { pnpm: "pnpm-lock.yaml", yarn: "yarn.lock", bun: "bun.lock", npm: "package-lock.json" } as const;
  const names = Object.keys(locks) as (keyof typeof locks)[];
  const locked = names.find((name) => readText(join(folder, locks[name])) !== null);
  const [running] = (process.env["npm_config_user_agent"] ?? "").split("/");
  return locked ?? names.find((name) => name === running) ?? "npm";
}
