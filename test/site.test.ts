import { globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { anchorOf, LinkedSources, siteLink } from "../docs/.vitepress/links.ts";
import { pages, rewrittenPath, sections } from "../docs/.vitepress/navigation.ts";
import { published, read, root } from "./workspace.ts";

const files = pages.map(({ file }) => file);
const exclude = (name: string): boolean => name === "node_modules" || name === "dist";

describe("the sidebar of the site", () => {
  test("has every page of docs, of the spec and of the packages exactly once", () => {
    const there = globSync(["docs/**/*.md", "spec/*.md", "spec/1.0/**/*.md"], { cwd: root, exclude });
    const readmes = published.map(({ path }) => `${path}/README.md`);
    expect(there.length).toBeGreaterThan(35);
    expect([...there, ...readmes].filter((file) => files.filter((one) => one === file).length !== 1)).toEqual([]);
  });

  test("names each page, address and title once", () => {
    const twice = <T>(all: readonly T[]): T[] => all.filter((one, at) => all.indexOf(one) !== at);
    expect(twice(files)).toEqual([]);
    expect(twice(pages.map(rewrittenPath))).toEqual([]);
    expect(twice(sections.flatMap((section) => section.pages.map(({ title }) => title)))).toEqual([]);
  });
});

describe("a link of a page", () => {
  const linked = (from: string, target: string): string => siteLink(from, target, new LinkedSources());

  test.each([
    ["docs/why.md", "limits.md#rates", "/limits#rates"],
    ["docs/why.md", "../packages/sqs/README.md", "/backends/sqs"],
    ["docs/why.md", "../packages/sqs", "/backends/sqs"],
    ["packages/core/README.md", "../../docs/start.md", "/start"],
    ["docs/why.md", "../README.md", "/"],
    ["spec/1.0/push.md", "../README.md", "/spec/"],
    ["docs/why.md", "#codes", "#codes"],
    ["docs/why.md", "https://example.com/x.md", "https://example.com/x.md"],
    ["docs/why.md", "../test/workspace.ts", "/source/test/workspace.ts.txt"],
    ["docs/deploying.md", "../deploy", "/source/deploy/index.html"],
  ])("of %s to %s leads to %s", (from, target, address) => {
    expect(linked(from, target)).toBe(address);
  });

  test("to what is not there is refused", () => {
    expect(() => linked("docs/why.md", "../packages/kafka/README.md")).toThrow(/no such file/);
  });
});

test("anchors are those of the pages read as files", () => {
  expect(anchorOf("`job.once`: one effect of a handler")).toBe("jobonce-one-effect-of-a-handler");
  expect(anchorOf("Queues & types -- and more")).toBe("queues--types----and-more");
});

test("the page of the first job shows the program of the README", () => {
  const program = (page: string): string => /```js\n([\s\S]*?)```/.exec(read(page))?.[1] ?? "";
  expect(program("docs/start.md")).toContain("defineJob");
  expect(program("docs/start.md")).toBe(program("README.md"));
});
