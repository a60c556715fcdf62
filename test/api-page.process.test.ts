import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { printed, sheetsOf } from "../scripts/printed-page.ts";

const CHROMIUM = "/usr/bin/chromium";

// What does not fit is surveyed by nobody: take a name away, or say a first sentence shorter.
test("all that packages export is on one printed page, A4 in type of 8 pt", async (context) => {
  if (!existsSync(CHROMIUM)) return context.skip("chromium is not installed");
  expect(sheetsOf(await printed("docs/api.md", CHROMIUM))).toBe(1);
});

test("a longer page would be seen to be one", async (context) => {
  if (!existsSync(CHROMIUM)) return context.skip("chromium is not installed");
  expect(sheetsOf(await printed("spec/1.0/envelope.md", CHROMIUM))).toBeGreaterThan(1);
});
