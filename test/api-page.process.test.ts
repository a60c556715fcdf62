import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { printed, sheetsOf } from "../scripts/printed-page.ts";

const CHROMIUM = "/usr/bin/chromium";

// What does not fit is surveyed by nobody: take a name away, or say a first sentence shorter.
test("all that packages export is on one printed page, A4 in type of 8 pt", async (context) => {
  if (!existsSync(CHROMIUM)) return context.skip("chromium is not installed");
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
  onTestFinished(() => browser.close());
  expect(sheetsOf(await printed("docs/api.md", browser))).toBe(1);
  // One that is longer would be seen to be.
  expect(sheetsOf(await printed("spec/1.0/envelope.md", browser))).toBeGreaterThan(1);
});
