/** Runs one statement. Parameters are texts, numbers, booleans or null, which every driver accepts. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;

/** Returns PostgreSQL's text form of an array, which every driver accepts as a parameter. */
export function arrayLiteral(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => (typeof value === "string" ? quoted(value) : String(value))).join(",")}}`;
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
