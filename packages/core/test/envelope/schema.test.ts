import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { type BodyInput, bodyOf, readVectors, spec } from "./vectors.ts";

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
formats.default(ajv);
const accepts = ajv.compile(JSON.parse(readFileSync(new URL("envelope.schema.json", spec), "utf8")));

/** Rules about the text, about two fields at once, or about what this reader knows. */
const BEYOND_A_SCHEMA = /^(JSON|BODY|BOM|ENCODING)_|^(META_TOO_LARGE|EXPIRY_ORDER|CRIT_UNSUPPORTED)$/;

/** Within those, single values that no pattern can judge. */
const BEYOND_A_PATTERN: ReadonlySet<string> = new Set([
  "an instant before 1970 by its offset",
  "an instant after 9999 by its offset",
  "over 366 days",
  "a crit name the envelope does not have",
  "a known crit name the envelope does not have",
  "a crit name on the prototype",
]);

describe("the schema agrees with the parser wherever a schema can tell", () => {
  it.each(readVectors<BodyInput, object>("valid"))("accepts: $name", ({ input }) => {
    accepts(JSON.parse(bodyOf(input)));
    expect(accepts.errors).toBeNull();
  });

  const told = readVectors<BodyInput, never>("invalid").filter(({ error }) => !BEYOND_A_SCHEMA.test(error!.code));

  it.each(told)("judges: $name", ({ name, input }) => {
    expect(accepts(JSON.parse(bodyOf(input)))).toBe(BEYOND_A_PATTERN.has(name));
  });
});
