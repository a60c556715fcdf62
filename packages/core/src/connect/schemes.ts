import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import type { BackendFactory } from "../backend/contract.ts";
import type { BackendPackage, Migration } from "./backend-package.ts";

/** The package of each scheme. */
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

/**
 * Returns the factory for a URL. White space around the URL is ignored, since a file of secrets ends with a line break. Throws
 * `CONFIG_INVALID` for an unknown scheme or a package that is not installed.
 */
export async function factoryFor(text: string, allowVolatile: boolean): Promise<BackendFactory> {
  const url = text.trim();
  if (schemeOf(url) === "memory") {
    // Loaded when needed, so that a bundler puts it into a separate chunk.
    const { memoryBackend } = await import("../memory/index.ts");
    return memoryBackend({ allowVolatile });
  }
  return (await packageFor(url)).fromUrl(url);
}

/**
 * Migrates the schema of the store at a URL, as `connect` does. Returns the versions, or null where the backend has no schema.
 * Several processes may call it at once. Rejects `CONFIG_INVALID` for an unknown URL, for a store of another program and for a
 * schema newer than this package.
 */
export async function migrate(text: string | undefined): Promise<Migration | null> {
  if (typeof text !== "string" || text.trim() === "") {
    const isUnset = text === undefined || typeof text === "string";
    const given = `${describeValue(text)}${isUnset ? "; is the environment variable set?" : ":"}`;
    throw new WaybillError("CONFIG_INVALID", `the URL of migrate is ${given} pass one such as "sqlite:./waybill.db"`);
  }
  const { splitLedgerUrl } = await import("./ledger-url.ts");
  const { url } = splitLedgerUrl(text.trim());
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
  const { backendPackage } = await import("./backend-packages.ts");
  return backendPackage(PACKAGES[scheme] ?? "", scheme);
}
