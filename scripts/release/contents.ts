import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import type { Tarball } from "../packed/tarballs.ts";

export interface Budget {
  /** Bytes at most, packed. */
  readonly packed: number;
}

const isTest = (path: string): boolean =>
  /(^|\/)(tests?|__tests__|fixtures|mocks)\//.test(path) || /\.(test|spec|process\.test)\.[cm]?[jt]sx?$/.test(path);

const REQUIRED = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"];

/** What is wrong with the files that npm would get; `folder` has the package's files. */
export function faultsOfContents(tarball: Tarball, folder: string, budget: Budget | undefined): string[] {
  const paths = new Set(tarball.files.map(({ path }) => path));
  const faults = REQUIRED.filter((path) => !paths.has(path)).map((path) => `${path} is missing`);
  faults.push(...[...paths].filter(isTest).map((path) => `${path} is a test`));
  faults.push(...[...paths].flatMap((path) => faultsOfMap(path, folder, paths)));
  if (budget === undefined) faults.push("it has no budget in scripts/release/budgets.json");
  else if (tarball.size > budget.packed)
    faults.push(
      `it has ${tarball.size} bytes packed, ${budget.packed} at most: look for what came in, or raise the budget ` +
        "in scripts/release/budgets.json and say why in the commit",
    );
  return faults.map((fault) => `${tarball.name}: ${fault}`);
}

/** A source map whose sources npm does not get, and a file whose map npm does not get. */
function faultsOfMap(path: string, folder: string, paths: ReadonlySet<string>): string[] {
  if (!existsSync(join(folder, path))) return [`${path} is not there`];
  if (path.endsWith(".map")) {
    const map = JSON.parse(readFileSync(join(folder, path), "utf8")) as SourceMap;
    return map.sources
      .filter((_, at) => map.sourcesContent?.[at] == null)
      .map((source) => posix.join(posix.dirname(path), map.sourceRoot ?? "", source))
      .filter((source) => !paths.has(source))
      .map((source) => `${path} is a map of ${source}, which is not in the package`);
  }
  if (!/\.([cm]?js|d\.ts)$/.test(path)) return [];
  const named = /^\/\/# sourceMappingURL=(?!data:)(\S+)\s*$/m.exec(tail(join(folder, path)))?.[1];
  const map = named === undefined ? null : posix.join(posix.dirname(path), named);
  return map === null || paths.has(map) ? [] : [`${path} names the map ${map}, which is not in the package`];
}

const tail = (path: string): string => readFileSync(path, "utf8").slice(-300);

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourceRoot?: string;
  readonly sourcesContent?: readonly (string | null)[];
}
