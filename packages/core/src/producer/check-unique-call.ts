import { WaybillError } from "../errors.ts";
import { conflictOf, type UniqueCall, untilOf } from "../job/unique-options.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";

const UNIQUE_CALL: OptionNames<UniqueCall> = { key: true, until: true, onConflict: true };

/** Throws `CONFIG_INVALID` for an invalid member of `unique` of a call. The key is checked where it is computed. */
export function checkUniqueCall(unique: UniqueCall | false, type: string): void {
  const of = `unique of the call for "${type}"`;
  if (unique === false) return;
  if (typeof unique !== "object" || unique === null || Array.isArray(unique)) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `${of} is ${describeValue(unique)}: pass an object, such as { key: "acme" }, or false for none`,
    );
  }
  assertKnownOptions(unique, UNIQUE_CALL, `the members of ${of}`);
  if (unique.until !== undefined) untilOf(unique.until, of);
  if (unique.onConflict !== undefined) conflictOf(unique.onConflict, of);
}
