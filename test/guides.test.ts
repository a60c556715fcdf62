import { describe, expect, test } from "vitest";
import { sections } from "../docs/.vitepress/navigation.ts";
import { guides, headingsOf } from "./guides.ts";
import { read } from "./workspace.ts";

/** The order that a newcomer reads in. What follows "Reference" is to be looked up. */
const ORDER = ["When it fails", "Decisions", "Common mistakes", "Reference"];

describe.each(guides)("%s", (page) => {
  const [opening = ""] = read(page).split("\n## ");

  test("says what it is for, shows a program, what happens when it fails, what to decide, and what people get wrong", () => {
    const headings = headingsOf(page);
    expect(headings.filter((one) => ORDER.includes(one))).toEqual(ORDER);
    expect(headings.slice(0, ORDER.length)).toEqual(ORDER);
    expect(opening).toMatch(/^```(?:js|ts|text)\n/m);
  });

  test("begins with the problem, in one sentence", () => {
    const [, first = ""] = opening.split(/\n\n/);
    expect(first.trim().split(/[.?!](?=\s)/).length).toBe(1);
    expect(first).toMatch(/[.?]$/);
  });

  test("has at most five decisions, each with a question in bold", () => {
    const [, decisions = ""] = /^## Decisions\n([\s\S]*?)^## /m.exec(read(page)) ?? [];
    const questions = [...decisions.matchAll(/^\*\*[^*]+\*\*/gm)].map(([text]) => text);
    expect(questions.length).toBeGreaterThanOrEqual(2);
    expect(questions.length).toBeLessThanOrEqual(5);
  });
});

test("the guides stand in the sidebar together, in this order", () => {
  expect(sections.find(({ title }) => title === "Guides")?.pages.map(({ file }) => file)).toEqual(guides);
});
