import { globSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root, sources } from "./workspace.ts";

const rows = [...read("docs/guarantees.md").matchAll(/^\| (R\d+) \| .* \| \[.*\]\(\.\.\/(.+)\) \|$/gm)].map(
  ([, number, path]) => ({ number: number ?? "", path: path ?? "" }),
);

/** Numbers at the beginning of the titles of one file's tests. */
const numbersIn = (file: string): string[] =>
  [...read(file).matchAll(/\b(?:test|describe)(?:\.each\([\s\S]*?\))?\(\s*["'`](R\d+):/g)].map(
    ([, number]) => number ?? "",
  );

describe.each(rows)("$number", ({ number, path }) => {
  test(`has a test in ${path}`, () => {
    const files = path.endsWith(".ts") ? [path] : globSync(`${path}/**/*.test.ts`, { cwd: root });
    expect(files.flatMap(numbersIn)).toContain(number);
  });
});

test("each number in a test's title is a promise of the page", () => {
  const promised = new Set(rows.map(({ number }) => number));
  const files = ["packages/*/test", "apps/*/test", "test"].flatMap((folder) => sources(folder));
  const titled = files.flatMap((file) => numbersIn(file).map((number) => ({ number, file: join(file) })));
  expect(rows.length).toBeGreaterThan(10);
  expect(titled.filter(({ number }) => !promised.has(number))).toEqual([]);
});
