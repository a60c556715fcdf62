import { describe, expect, test } from "vitest";
import { published, read } from "./workspace.ts";

/** Packages without options of their own, and the sentence that says where there are some. */
const elsewhere: Readonly<Record<string, string>> = {
  "@waybill/express": "has no options of its own",
  "create-waybill": "[the same options](",
};

/** Commands: what they run first is a shell's, not a program's. */
const commands = new Set(["@waybill/cli", "create-waybill"]);

const blocksOf = (text: string): { language: string; lines: string[] }[] =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].map(([, language = "", code = ""]) => ({
    language,
    lines: code.split("\n").filter((line) => line.trim() !== ""),
  }));

const isProgram = ({ language }: { language: string }): boolean => ["js", "ts", "mjs"].includes(language);

// That the programs compile and run: test/code-blocks.test.ts, scripts/packed.
describe.each(published)("the README of $manifest.name", ({ path, manifest: { name } }) => {
  const text = read(`${path}/README.md`);
  const [, , sentence] = text.split("\n");
  const [first, second] = blocksOf(text);
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading = ""]) => heading);

  test("says in one sentence what the package does", () => {
    expect(sentence).toMatch(/^[A-Z`][^\n]{30,160}\.$/);
  });

  test("begins with how to install it", () => {
    expect(first?.language).toBe("sh");
    expect(first?.lines[0]).toMatch(commands.has(name) ? /^npm (install|create)/ : /^npm install/);
    if (!name.startsWith("create-")) expect(first?.lines[0]).toContain(name);
  });

  test("shows a first program that can be read at one glance", () => {
    const isShown = commands.has(name) ? ({ language }: { language: string }) => language === "sh" : isProgram;
    const shown = [first, second].find((block) => block !== undefined && isShown(block) && block.lines.length > 2);
    expect(shown).toBeDefined();
    // A Nest application is a module, a handler and a caller.
    expect(shown?.lines.length).toBeLessThanOrEqual(name === "@waybill/nest" ? 36 : 20);
  });

  test("has its options in a table with defaults, or says where they are", () => {
    const said = elsewhere[name];
    if (said !== undefined) return expect(text).toContain(said);
    const part = text.split(/^## /m).find((one) => one.startsWith("Options")) ?? "";
    expect(part).toMatch(/^\|.*\bDefault\b.*\|$/m);
    expect(part.match(/^\| `/gm)?.length ?? 0).toBeGreaterThan(1);
  });

  test("says what it cannot do", () => {
    expect(headings.at(-1)).toMatch(/^What (it|this backend) (cannot|does not) do$/);
  });
});
