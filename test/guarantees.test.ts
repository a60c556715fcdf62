import { describe, expect, test } from "vitest";
import { read, sources } from "./workspace.ts";

const rows = [...read("docs/guarantees.md").matchAll(/^\| (R\d+) \| .* \| \[.*\]\(\.\.\/(.+)\) \|$/gm)].map(
  ([, number, path]) => ({ number: number ?? "", path: path ?? "" }),
);

/** The catalogue of faults has its rows as data: `rows: ["R16", "R40"]`. */
const rowsOfScenarios = (source: string): string[] =>
  [...source.matchAll(/\brows: \[(.*?)\]/gs)].flatMap(([, list = ""]) => list.match(/R\d+/g) ?? []);

/** Numbers at the beginning of the titles of one file's tests, or in the scenarios that it defines. */
const numbersIn = (file: string): string[] =>
  file.includes("/catalogue/scenarios/") ? rowsOfScenarios(read(file)) : numbersOfTests(read(file));

const numbersOfTests = (source: string): string[] =>
  [...source.matchAll(/\b(?:test|describe)(?:\.(?:each|for)\([\s\S]*?\))?\(\s*["'`](R\d+(?:, R\d+)*):/g)].flatMap(
    ([, numbers]) => numbers?.split(", ") ?? [],
  );

describe.each(rows)("$number", ({ number, path }) => {
  test(`has a test in ${path}`, () => {
    expect(numbersIn(path)).toContain(number);
  });
});

const features = [...read("docs/guarantees.md").matchAll(/^\| (?!R\d)\S.* \| .* \| \[(.+)\]\(\.\.\/(.+)\) \|$/gm)].map(
  ([, title = "", path = ""]) => ({ title, path }),
);

/** The titles of the tests and scenarios of one file. */
const titlesOf = (source: string): string[] =>
  [...source.matchAll(/(?:\b(?:test|describe)[\w.]*(?:\([^()]*\))?\(|\bname:)\s*["'`](.+?)["'`],/gs)].map(
    ([, title = ""]) => title,
  );

test.each(features)("a feature's guarantee has the test $title", ({ title, path }) => {
  expect(titlesOf(read(path)).filter((one) => one.includes(title))).not.toEqual([]);
});

test("features have guarantees", () => {
  expect(features.length).toBeGreaterThan(10);
});

test("each number in a test's title is a promise of the page", () => {
  const promised = new Set(rows.map(({ number }) => number));
  const files = ["packages/*/test", "apps/*/test", "test", "apps/faults/src/catalogue/scenarios"].flatMap((folder) =>
    sources(folder),
  );
  const titled = files.flatMap((file) => numbersIn(file).map((number) => ({ number, file })));
  expect(rows.length).toBeGreaterThan(10);
  expect(titled.filter(({ number }) => !promised.has(number))).toEqual([]);
});
