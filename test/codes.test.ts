import { describe, expect, test } from "vitest";
import { published, read, sources } from "./workspace.ts";

const page = read("spec/1.0/codes.md");
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, code = "", where = "", cause = "", cure = ""]) => ({ code, where: where.trim().split(", "), cause, cure }),
);
const codes = rows.map(({ code }) => code);
const placesExplained = page.split("## Envelopes")[0]!.matchAll(/^\| ([A-Za-z ]+) \| (?!place)/gm);
const places = new Set([...placesExplained].map(([, word]) => word));

/** The members of a list or a union in the sources. */
function members(path: string, begin: string, end: string): string[] {
  const found = [
    ...read(path)
      .split(begin)[1]!
      .split(end)[0]!
      .matchAll(/"([A-Z_]+)"/g),
  ].map(([, code = ""]) => code);
  expect(found.length).toBeGreaterThan(10);
  return found;
}
const whereOf = (code: string): readonly string[] => rows.find((row) => row.code === code)?.where ?? [];

const CODE = "([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)";
const texts = published
  .filter(({ path }) => path !== "packages/backend-contract")
  .flatMap(({ path }) => sources(`${path}/src`))
  .map(read);
const allOf = (form: RegExp): string[] =>
  texts.flatMap((text) => [...text.matchAll(form)].map(([, word = ""]) => word));
const literals = new Set(allOf(new RegExp(`["'\`]${CODE}["'\`]`, "g")));

/** How the sources give something a code. */
const given = new Set([
  ...allOf(new RegExp(`\\bcode(?::| =) "${CODE}"`, "g")),
  ...allOf(new RegExp(`\\b(?:CommandError|WaybillError|EnvelopeError|refuse|rejected|dead)\\(\\s*"${CODE}"`, "g")),
  ...allOf(new RegExp(`\\b(?:PushRefused|release)\\([^"()]*(?:\\([^()]*\\))?[^"()]*"${CODE}"`, "g")),
  ...allOf(new RegExp(`envelopeCode : "${CODE}"`, "g")),
]);
/** Codes of Node, of PostgreSQL and of the classes beside them. */
const ofOthers = /^(E(?!ARLY|XPIRED)[A-Z]+|ERR_\w+|P\d+)$/;

describe("the index of codes", () => {
  test("has each code once, with a place that the page explains, a cause and what to do", () => {
    expect(codes.length).toBeGreaterThan(70);
    expect(codes.filter((code, at) => codes.indexOf(code) !== at)).toEqual([]);
    expect(rows.flatMap(({ where }) => where).filter((word) => !places.has(word))).toEqual([]);
    expect(rows.filter(({ cause, cure }) => cause.trim() === "" || cure.trim() === "")).toEqual([]);
  });

  test("has every code that the sources give to something", () => {
    expect(given.size).toBeGreaterThan(60);
    const unknown = [...given].filter((word) => !codes.includes(word) && !ofOthers.test(word));
    expect(unknown, "give it a row in spec/1.0/codes.md").toEqual([]);
  });

  test("has no code that the sources do not have", () => {
    expect(codes.filter((code) => !literals.has(code))).toEqual([]);
  });

  test.each([
    ["envelope", members("packages/core/src/envelope/envelope-code.ts", "type EnvelopeCode", "/** Throws.")],
    ["HTTP", members("packages/http/src/push/push-refused.ts", "type ProblemCode", "export class")],
    ["library", members("packages/core/src/errors.ts", "const CODES", "as const")],
  ])("says of each code of that kind that it appears in: %s", (where, kind) => {
    expect(kind.filter((code) => !whereOf(code).includes(where))).toEqual([]);
  });

  test("says so of no envelope code besides", () => {
    const kind = members("packages/core/src/envelope/envelope-code.ts", "type EnvelopeCode", "/** Throws.");
    expect(rows.filter(({ where }) => where.includes("envelope")).map(({ code }) => code)).toEqual(kind);
  });

  test("has every code of the tables of envelope.md and push.md", () => {
    const listed = ["envelope", "push"].flatMap((name) =>
      [...read(`spec/1.0/${name}.md`).matchAll(/`([A-Z]{3,}(?:_[A-Z]+)*)`/g)].map(([, code = ""]) => code),
    );
    const elsewhere = new Set(["POST", "HEAD", "CODE"]);
    expect(listed.length).toBeGreaterThan(60);
    expect([...new Set(listed)].filter((code) => !codes.includes(code) && !elsewhere.has(code))).toEqual([]);
  });
});

/** Both are caught where they are thrown, and end as the text of an error that has a code. */
const CAUGHT = ["the slot ran out before the job could start", "no such date ever comes"];

test("no feature of core throws an error that has no code", () => {
  const plain = sources("packages/core/src/features").flatMap((file) =>
    [...read(file).matchAll(/\bnew (?:\w*Error)\(\s*["`](.*?)["`]/g)]
      .filter(([text]) => /new (Type|Range)?Error\(/.test(text))
      .map(([, message]) => message),
  );
  expect(plain.toSorted()).toEqual(CAUGHT.toSorted());
});
