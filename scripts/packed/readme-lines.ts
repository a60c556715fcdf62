import { read } from "../../test/workspace.ts";

/** Every block of `language` in a README. */
export function linesOf(path: string, language: string): string[] {
  const blocks = read(path).matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"));
  return [...blocks].map(([, code]) => code ?? "");
}

/** What a program needs to say otherwise here than in the README, such as where a server is. */
export type Change = readonly [from: string, to: string];

export function changed(lines: string | undefined, changes: readonly Change[]): string {
  if (lines === undefined) throw new Error("the README shows no such lines any more");
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the README does not say ${from} any more`);
    return text.replace(from, to);
  }, lines);
}
