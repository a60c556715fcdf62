import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { publicSurface } from "../scripts/public-surface.ts";
import { glossaryWords, wordsOf } from "./glossary.ts";
import { matches } from "./standard-words/find.ts";
import { isPlain } from "./standard-words/plain-words.ts";
import { exportsOf, published, sources, workspaces } from "./workspace.ts";

/** Words of other systems, or of none: the glossary has one better word for each. */
const banned: ReadonlySet<string> = new Set(
  "nack lock stalled consumer adapter transport manager service helper util data info".split(" "),
);

/** RabbitMQ's own word for a subscription to a queue. */
const isOfBroker = (path: string, word: string): boolean => path === "packages/rabbitmq" && word === "consumer";

const isBanned = (identifier: string, path = ""): boolean =>
  wordsOf(identifier).some((word) => banned.has(word) && !isOfBroker(path, word));

test("words are told apart inside an identifier", () => {
  expect(wordsOf("SQLLockInfo")).toEqual(["sql", "lock", "info"]);
  expect(["leaseInfo", "jobUtils", "DataRow", "LOCK_MS", "createManager"].filter((name) => !isBanned(name))).toEqual(
    [],
  );
  expect(["blocked", "metadata", "information", "serviced"].filter((name) => isBanned(name))).toEqual([]);
});

describe.each(published)("$manifest.name", ({ path, manifest }) => {
  test("exports no word that the glossary replaces", () => {
    const exported = sources(`${path}/src`).flatMap((file) => exportsOf(file).map((name) => `${file}: ${name}`));
    // One that is a command and nothing else exports none.
    if (manifest.exports !== undefined) expect(exported.length).toBeGreaterThan(0);
    expect(exported.filter((line) => isBanned(line.split(": ")[1] ?? "", path))).toEqual([]);
  });
});

/** From before this was checked: each is to be renamed, and then goes from here. */
const toRename: ReadonlySet<string> = new Set(
  "lonely ups pusher board conclude situation likeness odd asked bench".split(" "),
);

/** The words of a name that a reader would have to look up; those with a standard word are for standard-words.test.ts. */
const strangeIn = (name: string): string[] =>
  matches(name, name).length > 0 ? [] : wordsOf(name).filter((word) => !glossaryWords.has(word) && !isPlain(word));

test("exported names are made of plain words and of the terms of the glossary", () => {
  const names = publicSurface().flatMap(({ exports }) => exports.map(({ name }) => name));
  expect(names.length).toBeGreaterThan(300);
  const strange = names.flatMap((name) =>
    strangeIn(name)
      .filter((word) => !toRename.has(word))
      .map((word) => `${name}: ${word}`),
  );
  expect(strange).toEqual([]);
});

test("files and folders are named by plain words and by the terms of the glossary", () => {
  const files = workspaces.flatMap(({ path }) => sources(`${path}/src`));
  const strange = files.flatMap((file) =>
    strangeIn(file.replace(/^.*?\/src\//, "").replace(/(\.d)?\.[a-z]+$/, ""))
      .filter((word) => !toRename.has(word))
      .map((word) => `${file}: ${word}`),
  );
  expect(strange).toEqual([]);
});

test("a word that nobody would guess is noticed", () => {
  expect(["queueShovel", "lonelyJobs", "leaseKeeper"].flatMap(strangeIn)).toEqual(["shovel", "lonely"]);
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
