// The only file of core that imports backend packages. Loaded when a URL needs one.
import type { BackendPackage } from "./backend-package.ts";
import { WaybillError } from "../errors.ts";
import { toError } from "../values/thrown.ts";

/**
 * Loads the package of a backend: as Node or the bundler resolves it from core, else from the working directory.
 * Throws `CONFIG_INVALID`, with what to do, for a package that is in neither place.
 */
export async function backendPackage(name: string, scheme: string): Promise<BackendPackage> {
  const found = await importedByName(name);
  if (!(found instanceof Error)) return found;
  if (missingIn(found) !== name) throw explained(found, name);
  try {
    return fromProject(name);
  } catch (thrown) {
    const error = toError(thrown);
    throw missingIn(error) === name ? absent(name, scheme, found) : explained(error, name);
  }
}

/**
 * The names are literal, so that a bundler follows them. They stand in the `try` itself: esbuild, webpack and Turbopack
 * then pass over a package that is not installed. Vite and Rollup do so for the optional peers of package.json.
 */
async function importedByName(name: string): Promise<BackendPackage | Error> {
  try {
    switch (name) {
      case "@waybill/sqlite":
        return usable(await import("@waybill/sqlite"), name);
      case "@waybill/bullmq":
        return usable(await import("@waybill/bullmq"), name);
      case "@waybill/postgres":
        return usable(await import("@waybill/postgres"), name);
      case "@waybill/rabbitmq":
        return usable(await import("@waybill/rabbitmq"), name);
      default:
        return usable(await import("@waybill/sqs"), name);
    }
  } catch (thrown) {
    return toError(thrown);
  }
}

/** Throws for an empty module, by which the webpack of Next replaces an optional peer that is not installed. */
function usable(found: Partial<BackendPackage>, name: string): BackendPackage {
  if (typeof found.fromUrl === "function") return found as BackendPackage;
  throw new Error(`Cannot find module '${name}': the one in the bundle is empty`);
}

/**
 * Loads the package as the application would: a package manager may hide it from core, and a bundle may run beside an installed
 * backend that it does not contain. Bundlers do not follow this form of `createRequire`.
 */
function fromProject(name: string): BackendPackage {
  const { createRequire } = process.getBuiltinModule("node:module");
  return createRequire(`${process.cwd()}/`)(name) as BackendPackage;
}

/** Returns the name of the missing module from an error of Node, webpack, Turbopack or Vite; null for another error. */
function missingIn({ message }: Error): string | null {
  return /(?:Cannot find (?:package|module)|Could not resolve) ["']([^"']+)["']/.exec(message)?.[1] ?? null;
}

/** Explains an error of a backend that is installed and needs something that is not. */
function explained(error: Error, name: string): Error {
  const missing = missingIn(error);
  if (missing !== null && /^(@[\w.-]+\/)?[\w-][\w.-]*$/.test(missing)) {
    return invalid(`${name} needs the package ${missing}, which is not installed; run: npm install ${missing}`, error);
  }
  if (!/^Dynamic require of ".+" is not supported$/.test(error.message)) return error;
  return invalid(
    `the client library of ${name} calls require(), which this bundle of esbuild does not have. Build with --format=cjs, or with --banner:js="import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"`,
    error,
  );
}

function absent(name: string, scheme: string, cause: Error): Error {
  const needs = `a "${scheme}:" URL needs the package ${name}, which is`;
  // Node and Jest name the importing file: this one, unless a bundler renamed it.
  if (/ from .*[\\/]core[\\/](dist[\\/])?connect[\\/]backend-packages\.[jt]s/.test(cause.message)) {
    return invalid(`${needs} not installed; run: npm install ${name}`, cause);
  }
  return invalid(
    `${needs} neither in this bundle nor installed where the bundle runs (${process.cwd()}). Run: npm install ${name}, and build again. If the bundler still leaves it out, import { fromUrl } from "${name}" and call connect(fromUrl(url))`,
    cause,
  );
}

const invalid = (message: string, cause: Error): WaybillError => new WaybillError("CONFIG_INVALID", message, { cause });
