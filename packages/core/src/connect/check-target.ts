import type { BackendFactory } from "../backend/contract.ts";
import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";

/**
 * Returns the target of a connection. Throws `CONFIG_INVALID` for one that is neither a URL nor a factory. An unset environment
 * variable is the most common mistake of a first deployment.
 */
export function checkedTarget(target: unknown): string | BackendFactory {
  if (typeof target === "string" && target.trim() !== "") return target;
  if (typeof target === "function") return target as BackendFactory;
  if (target instanceof URL) {
    throw new WaybillError("CONFIG_INVALID", "the backend's URL is an instance of URL: pass its text, url.href");
  }
  const isUnset = target === undefined || typeof target === "string";
  const said = `${describeValue(target)}${isUnset ? "; is the environment variable set?" : "."}`;
  throw new WaybillError(
    "CONFIG_INVALID",
    `the backend's URL is ${said} Pass one such as "sqlite:./waybill.db", or a factory such as sqliteBackend({ path })`,
  );
}
