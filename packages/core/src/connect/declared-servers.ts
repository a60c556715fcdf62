import { readFile } from "node:fs/promises";
import type { ServerRanges } from "../backend/server-version.ts";
import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import { member } from "../values/any-value.ts";
import { errorCode } from "../values/thrown.ts";

/**
 * Reads `waybill.services` from the package.json in a folder. Returns no ranges where the folder has no package.json that
 * this process may read, or where it declares none. Throws `CONFIG_INVALID` for a file that is not JSON and for services
 * that are not an object.
 */
export async function declaredServers(folder: string): Promise<ServerRanges> {
  const text = await readOrNull(`${folder}/package.json`);
  if (text === null) return {};
  const services = member(member(parse(text), "waybill"), "services") ?? {};
  if (typeof services === "object" && !Array.isArray(services)) return services as ServerRanges;
  throw invalid(`waybill.services is ${describeValue(services)}; give an object, such as { "redis": ">=6.2 <8" }`);
}

async function readOrNull(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    if (["ENOENT", "EACCES", "EPERM"].includes(errorCode(thrown))) return null;
    throw thrown;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new WaybillError("CONFIG_INVALID", "the package.json of the working directory is not JSON; correct it", {
      cause,
    });
  }
}

function invalid(text: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", `the package.json of the working directory: ${text}`);
}
