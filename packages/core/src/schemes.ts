import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { BackendFactory } from "./backend.ts";
import { WaybillError } from "./errors.ts";
import { toError } from "./thrown.ts";

/** Which package answers for which URL. Packages not in this release are named too, so that the error can say so. */
const PACKAGES: Readonly<Record<string, string>> = {
  sqlite: "@waybill/sqlite",
  redis: "@waybill/bullmq",
  rediss: "@waybill/bullmq",
  amqp: "@waybill/rabbitmq",
  amqps: "@waybill/rabbitmq",
  postgres: "@waybill/postgres",
  postgresql: "@waybill/postgres",
  sqs: "@waybill/sqs",
};

interface BackendPackage {
  readonly fromUrl: (url: string) => BackendFactory;
  readonly migrate?: (url: string) => Promise<Migration>;
}

/** Schema versions before and after; 0 is a store that was empty. */
export interface Migration {
  /** Before; 0 is a store that was empty. */
  readonly from: number;
  /** Now. */
  readonly to: number;
}

/**
 * The factory behind a URL, of which white space around it is no part: a file of secrets ends with a line break. Throws
 * `CONFIG_INVALID` for an unknown scheme or a package that is not installed.
 */
export async function factoryFor(text: string, allowVolatile: boolean): Promise<BackendFactory> {
  const url = text.trim();
  if (schemeOf(url) === "memory") {
    // Loaded when asked for: a bundle of a producer has it in a chunk of its own.
    const { memoryBackend } = await import("./memory/index.ts");
    return memoryBackend({ allowVolatile });
  }
  return (await packageFor(url)).fromUrl(url);
}

/**
 * Brings the schema behind a URL up to date. `connect` does so, too. Null where the backend keeps none. Safe from
 * several processes at once. Rejects `CONFIG_INVALID` for a URL of nobody, and for a store that is another's or newer
 * than this package.
 */
export async function migrate(text: string): Promise<Migration | null> {
  const url = text.trim();
  if (schemeOf(url) === "memory") return null;
  const backendPackage = await packageFor(url);
  return backendPackage.migrate ? backendPackage.migrate(url) : null;
}

function schemeOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
}

async function packageFor(url: string): Promise<BackendPackage> {
  const scheme = schemeOf(url);
  const { checkUrl } = await import("./check-url.ts");
  checkUrl(url, scheme, [...Object.keys(PACKAGES), "memory"]);
  return load(PACKAGES[scheme] ?? "", scheme);
}

async function load(name: string, scheme: string): Promise<BackendPackage> {
  try {
    return (await import(name)) as BackendPackage;
  } catch (thrown) {
    const error = toError(thrown);
    if (!isMissing(error, name)) throw thrown;
    return loadFromProject(name, scheme, error);
  }
}

/** A package manager may hide the backend from core and show it to the application: look from there as well. */
async function loadFromProject(name: string, scheme: string, cause: Error): Promise<BackendPackage> {
  try {
    const path = createRequire(`${process.cwd()}/`).resolve(name);
    return (await import(pathToFileURL(path).href)) as BackendPackage;
  } catch (thrown) {
    const error = toError(thrown);
    if (!isMissing(error, name)) throw thrown;
    throw new WaybillError("CONFIG_INVALID", `a "${scheme}:" URL needs the package ${name}; run: npm install ${name}`, {
      cause,
    });
  }
}

function isMissing(error: Error, name: string): boolean {
  const code = "code" in error ? error.code : undefined;
  return (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && error.message.includes(name);
}
