import { refuse } from "./envelope-code.ts";
import { type FieldRule, object, step, stringRule } from "./field-rules.ts";

/** The most limits that one job counts under. */
export const MOST_LIMITS = 4;

/** A name of a limit. */
export const LIMIT_NAME: RegExp = /^[a-z][a-z0-9_.#-]{0,139}$/;

const key = stringRule(255);

/** `meta.limits`: at most four names of limits, each with the key that the job counts under. */
export const limitsRule: FieldRule = (value, pointer) => {
  const limits = object(value, pointer);
  const names = Object.keys(limits);
  if (names.length < 1 || names.length > MOST_LIMITS)
    refuse("LENGTH_INVALID", pointer, `not 1 to ${MOST_LIMITS} limits`);
  for (const name of names) {
    if (!LIMIT_NAME.test(name)) {
      refuse(
        "META_KEY_INVALID",
        pointer + step(name),
        "not a limit's name of a-z, 0-9, _, ., - and # that begins with a letter",
      );
    }
    key(limits[name], `${pointer}/${name}`);
  }
};
