import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";

/**
 * Returns why a value is no item of `enqueueMany`; null for an item. An item may have members of the program's own, such as the line
 * of a file that it came from, but no "option" or "opts": a delay in it would be ignored. Never throws.
 */
export function itemFault(item: unknown): WaybillError | null {
  if (typeof item !== "object" || item === null)
    return refused(`an item of enqueueMany is ${describeValue(item)}: pass { job, payload, options? }`);
  const slip = namesOf(item).find((name) => name !== "options" && /^opt/i.test(name));
  return slip === undefined ? null : refused(`an item of enqueueMany has no "${slip}"; did you mean "options"?`);
}

/** A proxy of the program's own may throw. */
function namesOf(item: object): string[] {
  try {
    return Object.keys(item);
  } catch {
    return [];
  }
}

function refused(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
