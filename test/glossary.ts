import { read } from "./workspace.ts";

/** "leaseInfo" is lease and info; "blocked" and "metadata" are words of their own. Plurals are their singulars. */
export function wordsOf(identifier: string): string[] {
  return identifier
    .split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((word) => singular(word.toLowerCase()))
    .filter((word) => word !== "");
}

function singular(word: string): string {
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  if (/(ch|sh|x|ss)es$/.test(word)) return word.slice(0, -2);
  return word.length > 3 && /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}

/** The words of the domain terms: what spec/glossary.md has in bold. */
export const glossaryWords: ReadonlySet<string> = new Set(
  [...read("spec/glossary.md").matchAll(/\*\*(.+?)\*\*/g)].flatMap(([, term = ""]) => wordsOf(term)),
);
