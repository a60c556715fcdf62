import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { read, root } from "../workspace.ts";
import { type StandardWord, standardWords } from "./table.ts";

export interface Found {
  /** Relative to the root. */
  readonly file: string;
  /** 1 is the first line; 0 means the file's name. */
  readonly line: number;
  readonly text: string;
  readonly word: StandardWord;
}

/** Lists the words of the table in a file, or in every text file below a folder. Throws if there is no such path. */
export function findIn(path: string): Found[] {
  const files = statSync(join(root, path)).isFile() ? [path] : globSync(`${path}/**/*`, { cwd: root });
  return files
    .filter((file) => /\.(ts|mts|js|mjs|md|sql|lua|json|html)$/.test(file) && !/(^|\/)(dist|node_modules)\//.test(file))
    .filter((file) => !/(^|\/)(CHANGELOG\.md|tsconfig.*\.json)$/.test(file))
    .toSorted()
    .flatMap((file) => [...matches(file, file).map((one) => ({ ...one, line: 0 })), ...matches(file, read(file))]);
}

/** As `findIn`, in a text that stands in `file`. */
export function matches(file: string, text: string): Found[] {
  const plain = asWords(text);
  return standardWords
    .filter(({ paths }) => paths?.test(file) ?? true)
    .flatMap((word) => [
      ...findingsOf(file, plain, word.pattern, word),
      ...(word.names ? findingsOf(file, text, word.names, word) : []),
    ])
    .map(({ line, text: match, word }) => ({ file, line, text: match, word }))
    .toSorted((a, b) => a.line - b.line);
}

function findingsOf(file: string, text: string, pattern: RegExp, word: StandardWord): Omit<Found, "file">[] {
  const phrases = (word.except ?? []).filter(([, , paths]) => paths?.test(file) ?? true);
  const excused = phrases.flatMap(([phrase]) =>
    [...text.matchAll(phrase)].map((match) => [match.index, match.index + match[0].length] as const),
  );
  return [...text.matchAll(pattern)]
    .filter(({ index }) => !excused.some(([from, to]) => from <= index && index < to))
    .map((match) => ({
      line: text.slice(0, match.index).split("\n").length,
      text: match[0].replaceAll(/\s+/g, " "),
      word,
    }));
}

/** Identifiers as the words they are made of, comments without their stars, all in lower case; lines stay lines. */
function asWords(text: string): string {
  return text
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .replaceAll(/[_-]/g, " ")
    .replaceAll(/\n[ \t]*(\*|\/\/|--)? ?/g, "\n")
    .toLowerCase();
}
