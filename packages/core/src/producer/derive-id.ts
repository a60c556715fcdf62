import type { EnqueueOptions } from "./enqueue-options.ts";
import { derivedId, type IdParts } from "../envelope/derived-id.ts";
import { isWaybillError, WaybillError } from "../errors.ts";

/**
 * Returns the options with the id derived from its parts, and the parts in `meta` to show where the id comes from. Throws
 * `CONFIG_INVALID` for parts that no id can be derived from.
 */
export function withDerivedId(options: EnqueueOptions, parts: IdParts, type: string): EnqueueOptions {
  return { ...options, id: idOf(parts, type), meta: { ...options.meta, id_source: parts } };
}

function idOf(parts: IdParts, type: string): string {
  try {
    return derivedId(parts);
  } catch (thrown) {
    if (!isWaybillError(thrown, "ENVELOPE_INVALID")) throw thrown;
    throw new WaybillError("CONFIG_INVALID", `id of "${type}": ${thrown.message}`, { cause: thrown });
  }
}
