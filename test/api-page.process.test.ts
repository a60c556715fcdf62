import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { printed, sheetsOf } from "../scripts/printed-page.ts";
import { publicSurface } from "../scripts/public-surface.ts";
import { read } from "./workspace.ts";

const CHROMIUM = "/usr/bin/chromium";
const page = read("docs/api.md");
/** What one package offers to call, and its options, are a glance each. */
const parts = page.split(/^(?=##+ )/m).slice(1);

async function start(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
  onTestFinished(() => browser.close());
  return browser;
}

// To make a part fit, take a name away or shorten a comment.
test("what a package exports, and its options, are one printed sheet each: A4 in type of 8 pt", async (context) => {
  if (!existsSync(CHROMIUM)) return context.skip("chromium is not installed");
  const browser = await start();
  expect(parts.length).toBeGreaterThan(20);
  const sheets = sheetsOf(await printed(parts, browser));
  const longest = parts.toSorted((a, b) => b.length - a.length).map((part) => part.split("\n")[0]);
  expect(sheets, `the longest parts are ${longest.slice(0, 3).join(", ")}`).toBe(parts.length);
  // The measure notices a part that is longer than a sheet.
  expect(sheetsOf(await printed([...parts, read("spec/1.0/envelope.md")], browser))).toBeGreaterThan(parts.length + 1);
});

test("every export of a package is on the page, under its entry", () => {
  const missing = publicSurface().flatMap(({ specifier, exports }) => {
    const here = parts.filter((part) => {
      const [title = ""] = part.split("\n");
      const options = `### Options of ${specifier}`;
      return title === `## ${specifier}` || title === options || title.startsWith(`${options}: `);
    });
    return exports
      .filter(({ name }) => !here.some((part) => part.includes(name)))
      .map(({ name }) => `${specifier}: ${name}`);
  });
  expect(missing).toEqual([]);
});

test("an option stands on the page with its default, a function with what it throws or rejects", () => {
  const lineOf = (beginning: string): string => page.split("\n").find((line) => line.startsWith(beginning)) ?? "";
  expect(lineOf("- `concurrency?`")).toMatch(/Default 10/);
  expect(lineOf("- `Producer.enqueue(job, payload, options?)")).toMatch(
    /Rejects.*`PAYLOAD_INVALID`.*`ENQUEUE_UNKNOWN`/,
  );
});
