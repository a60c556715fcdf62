/** Runs one statement. Parameters are texts, numbers, booleans or null, which every driver accepts. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;

/** Returns PostgreSQL's text form of an array, which every driver accepts as a parameter. */
export function arrayLiteral(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => (typeof value === "string" ? quoted(value) : String(value))).join(",")}}`;
}

const SPECIAL = /["\\]/;
/** JSON has escapes of its own for these, and an array has none. */
const ODD = /[\p{Cc}\p{Cs}]/u;

/** Most texts are JSON or names: JSON quotes them as an array does, and six times as fast as a replacement. */
function quoted(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`;
  return ODD.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : JSON.stringify(text);
}
