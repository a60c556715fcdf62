import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import { refuse } from "./envelope-code.ts";

/** The parts that an id is derived from: 1 to 16 texts and integers, in this order. */
export type IdParts = readonly (string | number)[];

const MOST_PARTS = 16;
const LONGEST_PART = 255;

/**
 * Returns the id that is derived from these parts. It is a UUID of version 8, the same in every process and every
 * language (spec/1.0/envelope.md, "Derived ids"). `1` and `"1"` are different parts. Throws `EnvelopeError` with
 * `ID_INVALID` for an empty list, an empty text, and a part that is neither a text nor an integer.
 */
export function derivedId(parts: IdParts): string {
  if (!Array.isArray(parts) || parts.length < 1 || parts.length > MOST_PARTS) {
    const given =
      typeof parts === "string" ? JSON.stringify(parts) : Array.isArray(parts) ? parts.length : typeof parts;
    const remedy = 'such as ["receipt", orderId]';
    refuse(
      "ID_INVALID",
      "",
      `an id is derived from a list of 1 to ${MOST_PARTS} texts and whole numbers, ${remedy}, not ${given}`,
    );
  }
  for (const [at, part] of parts.entries()) assertPart(part, `/${at}`);
  const digest = hash("sha256", canonicalJson([...parts]), "hex");
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join("-");
}

function assertPart(part: unknown, pointer: string): void {
  if (typeof part === "number" && Number.isSafeInteger(part)) return;
  const isText = typeof part === "string" && part !== "" && part.isWellFormed();
  if (isText && [...part].length <= LONGEST_PART) return;
  refuse("ID_INVALID", pointer, `not a text of 1 to ${LONGEST_PART} characters and not a whole number`);
}
