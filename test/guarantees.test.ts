import { describe, expect, test } from "vitest";
import { read, sources } from "./workspace.ts";

const rows = [...read("docs/guarantees.md").matchAll(/^\| (R\d+) \| .* \| \[.*\]\(\.\.\/(.+)\) \|$/gm)].map(
  ([, number, path]) => ({ number: number ?? "", path: path ?? "" }),
);

/** Numbers at the beginning of the titles of one file's tests. */
const numbersIn = (file: string): string[] =>
  [...read(file).matchAll(/\b(?:test|describe)(?:\.(?:each|for)\([\s\S]*?\))?\(\s*["'`](R\d+(?:, R\d+)*):/g)].flatMap(
    ([, numbers]) => numbers?.split(", ") ?? [],
  );

describe.each(rows)("$number", ({ number, path }) => {
  test(`has a test in ${path}`, () => {
    expect(numbersIn(path)).toContain(number);
  });
});

test("each number in a test's title is a promise of the page", () => {
  const promised = new Set(rows.map(({ number }) => number));
  const files = ["packages/*/test", "apps/*/test", "test"].flatMap((folder) => sources(folder));
  const titled = files.flatMap((file) => numbersIn(file).map((number) => ({ number, file })));
  expect(rows.length).toBeGreaterThan(10);
  expect(titled.filter(({ number }) => !promised.has(number))).toEqual([]);
});
