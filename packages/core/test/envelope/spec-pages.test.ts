import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { type BodyInput, readVectors, spec } from "./vectors.ts";

const page = readFileSync(new URL("envelope.md", spec), "utf8");
const schema = JSON.parse(readFileSync(new URL("envelope.schema.json", spec), "utf8"));
const types = source("envelope.ts");

function source(file: string): string {
  return readFileSync(new URL(`../../src/envelope/${file}`, import.meta.url), "utf8");
}

/** The first column of the table under a heading. */
function rowsUnder(heading: string): string[] {
  const section = page
    .split(`\n${heading}\n`)[1]!
    .split(/\n##? /)[0]!
    .split("\n### ")[0]!;
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!);
}

function membersOf(declaration: string): string[] {
  const body = types.split(`export interface ${declaration} {`)[1]!.split("\n}")[0]!;
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name!);
}

describe("the page, the schema and the types name the same fields, in the same order", () => {
  it.each([
    ["Envelope", "## Fields", schema],
    ["EnvelopeRetry", "### retry", schema.properties.retry],
    ["EnvelopeDedupe", "### dedupe", schema.properties.dedupe],
  ])("%s", (declaration, heading, part) => {
    expect(membersOf(declaration).length).toBeGreaterThan(2);
    expect(rowsUnder(heading)).toEqual(membersOf(declaration));
    expect(Object.keys(part.properties)).toEqual(membersOf(declaration));
  });

  it("every field has its line of documentation in the types", () => {
    const members = types.match(/^ {2}readonly \S+/gm)!.length;
    const free = types.match(/^ {2}readonly \[key: string\]/gm)!.length;
    expect(types.match(/^ {2}\/\*\* .+ \*\/\n {2}readonly/gm)).toHaveLength(members - free);
  });
});

describe("error codes", () => {
  const codes = [...source("envelope-code.ts").matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code]) => code!);

  it("the page lists every code of the code, and no other", () => {
    expect(codes.length).toBeGreaterThan(25);
    expect(rowsUnder("## Error codes")).toEqual(codes);
  });

  it("every code is proved by a vector", () => {
    const proved = new Set(readVectors<BodyInput, never>("invalid").map(({ error }) => error?.code));
    expect(codes.filter((code) => !proved.has(code))).toEqual([]);
  });
});

describe("vectors", () => {
  const vectors = new URL("vectors/", spec);
  const files = readdirSync(vectors, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));
  const folders = [...new Set(files.map((file) => dirname(file)))];

  it.each(folders)("%s: every case has a name of its own, and either an outcome or an error", (folder) => {
    const cases = readVectors<unknown, unknown>(folder);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    for (const { name, expect: outcome, error } of cases) {
      expect((outcome === undefined) !== (error === undefined), name).toBe(true);
    }
  });

  it("every folder has its row in the README", () => {
    const readme = readFileSync(new URL("README.md", vectors), "utf8");
    const rows = [...readme.matchAll(/^\| `([a-z/-]+)` \|/gm)].map(([, folder]) => folder);
    expect(folders.toSorted()).toEqual(rows.toSorted());
  });
});
