/**
 * A sentence of a README or of a page in docs that says "no", "each" or the like and "lost", "killed", "dies", "crash" or "survives"
 * is a promise about faults. A test stands behind each: its paragraph, table row or list item links to one, or the table names one.
 */
import { existsSync, globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { scenarios } from "../apps/faults/src/catalogue/scenarios.ts";
import { faultPromises } from "./fault-promises/table.ts";
import { read, root } from "./workspace.ts";

const PROMISE =
  /\b(?:no|none|nothing|never|not|every|each)\b[^.;|]*\b(?:lost|loses?|killed|dies|crash(?:es)?|survives?)\b|\b(?:loses? no|lost no|(?:is|are|was) killed|survives?|killed worker)\b/i;
const TEST_LINK = /\]\([^)]*(?:\/test\/|\/catalogue\/scenarios\/|faults\.md|apps\/faults)[^)]*\)/;
/** Made from code, by which they are checked. */
const MADE = new Set(["docs/api.md", "docs/backends.md", "docs/faults.md"]);

const checked = globSync("{README.md,docs/*.md,packages/*/README.md}", { cwd: root }).filter((page) => !MADE.has(page));

/** Returns the promises in paragraphs without a link to a test. */
function promisesIn(text: string): string[] {
  const blocks = text.replaceAll(/```.*?```/gs, "").split(/\n\s*\n|\n(?=\||- |\d+\. )/);
  return blocks
    .map((block) => block.replaceAll(/\s+/g, " "))
    .filter((block) => !TEST_LINK.test(block))
    .flatMap((block) => block.split(/(?<=[.;:]) /))
    .filter((sentence) => PROMISE.test(sentence));
}

const found = checked.flatMap((page) => promisesIn(read(page)).map((sentence) => ({ page, sentence })));
const isOf = ({ page, words }: { page: string; words: string }, one: { page: string; sentence: string }): boolean =>
  page === one.page && one.sentence.includes(words);

test("pages are found, and a promise without a test is noticed", () => {
  expect(checked.length).toBeGreaterThan(20);
  expect(promisesIn("It is quick. No job is lost when it ends.")).toEqual(["No job is lost when it ends."]);
  expect(promisesIn("No job is lost ([kills](../test/kill.test.ts)).")).toEqual([]);
});

test.each(checked)("each promise about faults in %s has a test", (path) => {
  const without = found.filter((one) => one.page === path && !faultPromises.some((promise) => isOf(promise, one)));
  expect(without.map(({ sentence }) => sentence)).toEqual([]);
});

describe.each(faultPromises)("$page: $words", (promise) => {
  test("is on the page, and what stands behind it exists", () => {
    const { scenario, test: path, isNotice } = promise;
    expect(found.some((one) => isOf(promise, one))).toBe(true);
    expect([scenario, path, isNotice].filter((proof) => proof !== undefined)).toHaveLength(1);
    if (scenario !== undefined) expect(scenarios.map(({ name }) => name)).toContain(scenario);
    if (path !== undefined) expect(existsSync(path)).toBe(true);
  });
});
