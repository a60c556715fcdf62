import { globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import ceilings from "./standard-words/prose-ceilings.json" with { type: "json" };
import { matches } from "./standard-words/find.ts";
import { read, root } from "./workspace.ts";

/** What is left from before prose was checked: it may only become less. Pages that are not listed have none. */
const left: Readonly<Record<string, number>> = ceilings;

/** Of an HTTP response people say that a server answers. */
const OF_HTTP: ReadonlySet<string> = new Set(["answers"]);

/** The middle column of its table holds the words of other systems. docs/api.md is made of the sources, which have a check of their own. */
const EXEMPT: ReadonlySet<string> = new Set(["spec/glossary.md", "docs/api.md"]);

const pages = globSync("{README.md,CONTRIBUTING.md,SECURITY.md,docs/*.md,packages/*/*.md,spec/**/*.md}", { cwd: root })
  .filter((page) => !page.includes("node_modules") && !page.endsWith("CHANGELOG.md") && !EXEMPT.has(page))
  .toSorted();

/** A page's sentences: no code, no addresses. Lines stay lines. */
function proseOf(page: string): string {
  return read(page)
    .replaceAll(/```[\s\S]*?```/g, (block) => block.replaceAll(/[^\n]/g, ""))
    .replaceAll(/`[^`\n]*`/g, "x")
    .replaceAll(/\]\([^)]*\)/g, "]");
}

describe("R49: prose has one word for each concept", () => {
  test.each(pages)("%s", (page) => {
    const found = matches(page, proseOf(page)).filter(({ word }) => !OF_HTTP.has(word.not));
    const lines = found.map(({ line, text, word }) => `${page}:${line} "${text}"; say: ${word.say}`);
    expect(lines.length > (left[page] ?? 0) ? lines : []).toEqual([]);
  });

  test("every page of the spec is without an exception", () => {
    expect(Object.keys(left).filter((page) => page.startsWith("spec/"))).toEqual([]);
    expect(pages.filter((page) => page.startsWith("spec/")).length).toBeGreaterThan(10);
  });

  test("a second word is noticed, and code is not read", () => {
    const found = matches("docs/x.md", "The job is handed back, and nobody is told.").map(({ word }) => word.say);
    expect(found).toHaveLength(3);
    expect(proseOf("spec/1.0/envelope.md")).not.toContain("waybill/1");
  });
});
