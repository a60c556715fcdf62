import { describe, expect, test } from "vitest";
import { blocks, pages, place } from "./code-blocks/blocks.ts";
import { faultOf, wordsOf } from "./command-lines.ts";
import { read } from "./workspace.ts";

/** Every command line of a page: those of its shell blocks, and code within its text that begins so. */
function linesOf(page: string): { at: string; words: string[] }[] {
  const shell = blocks
    .filter((block) => block.page === page && block.language === "sh")
    .flatMap((block) =>
      block.code
        .replaceAll(/\\\n */g, "")
        .split("\n")
        .map((line) => ({ at: place(block), line })),
    )
    .flatMap(({ at, line }) =>
      [...line.replace(/ #.*/, "").matchAll(/(?<![\w/.-])waybill ([a-z][^|&;)]*)/g)].map(([text]) => ({ at, text })),
    );
  const inline = [
    ...read(page)
      .replaceAll(/^ *```[\s\S]*?^ *```/gm, "")
      .matchAll(/`(?:npx )?(waybill [^`]+)`/g),
  ].map(([, text = ""]) => ({ at: page, text }));
  return [...shell, ...inline].map(({ at, text }) => {
    const words = wordsOf(text.replace(/ (?:&&|<|>|\|).*/, ""));
    return { at, words: words.slice(words.indexOf("waybill")) };
  });
}

const all = pages.flatMap(linesOf);

describe("commands of the pages", () => {
  test("exist, with the options that they are printed with", () => {
    const wrong = all.flatMap(({ at, words }) => {
      const fault = faultOf(words);
      return fault === null ? [] : [`${at}: ${words.join(" ")}: ${fault}`];
    });
    expect(wrong).toEqual([]);
    expect(all.length).toBeGreaterThan(90);
  });

  test.each([
    ["waybill migrate postgres://localhost/shop", "migrate takes 0 arguments, not 1"],
    ["waybill worker --job ./jobs.js", "worker has no --job"],
    ["waybill dead lits", "there is no lits"],
    ["waybill produce", "there is no command produce"],
    ["waybill worker --jobs", "--jobs has no value"],
  ])("%s is none", (line, fault) => {
    expect(faultOf(wordsOf(line))).toBe(fault);
  });
});
