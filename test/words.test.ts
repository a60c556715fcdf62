import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { wordsOf } from "./glossary.ts";
import { exportsOf, published, sources, workspaces } from "./workspace.ts";

/** Words of other systems, or of none: the glossary has one better word for each. */
const banned: ReadonlySet<string> = new Set(
  "nack lock stalled consumer adapter transport manager service helper util data info".split(" "),
);

const isBanned = (identifier: string): boolean => wordsOf(identifier).some((word) => banned.has(word));

test("words are told apart inside an identifier", () => {
  expect(wordsOf("SQLLockInfo")).toEqual(["sql", "lock", "info"]);
  expect(["leaseInfo", "jobUtils", "DataRow", "LOCK_MS", "createManager"].filter((name) => !isBanned(name))).toEqual(
    [],
  );
  expect(["blocked", "metadata", "information", "serviced"].filter(isBanned)).toEqual([]);
});

describe.each(published)("$manifest.name", ({ path }) => {
  test("exports no word that the glossary replaces", () => {
    const exported = sources(`${path}/src`).flatMap((file) => exportsOf(file).map((name) => `${file}: ${name}`));
    expect(exported.length).toBeGreaterThan(0);
    expect(exported.filter((line) => isBanned(line.split(": ")[1] ?? ""))).toEqual([]);
  });
});

test("a file is named for the idea it holds", () => {
  const empty = new Set(["utils", "util", "helpers", "helper", "types", "manager", "common", "misc"]);
  const files = workspaces.flatMap(({ path }) => sources(`${path}/src`));
  expect(files.filter((file) => empty.has(basename(file).split(".")[0] ?? ""))).toEqual([]);
});

test("exports are named: a default export would let every importer choose its own word", () => {
  const files = workspaces.flatMap(({ path }) => sources(`${path}/src`));
  expect(files.filter((file) => exportsOf(file).includes("default"))).toEqual([]);
});
