import { describe, expect, test } from "vitest";
import { linesOf } from "../scripts/packed/readme-lines.ts";
import { read, top } from "./workspace.ts";

// That they run, from an empty folder with the packed packages, `npm run packed` shows.
describe("the README", () => {
  test("shows ten lines", () => {
    expect((linesOf("README.md", "js")[0] ?? "").split("\n").filter((line) => line !== "").length).toBe(10);
  });

  test("names only commands that exist", () => {
    const named = [...read("README.md").matchAll(/^npm ci && npm (?:run )?(\S+)/gm)].map(([, script]) => script ?? "");
    expect(named).toEqual(["demo", "test"]);
    expect(named.filter((script) => !Object.hasOwn(top.manifest.scripts ?? {}, script))).toEqual([]);
  });

  test("shows the same lines as the README of core", () => {
    expect(linesOf("packages/core/README.md", "js")[0]).toBe(linesOf("README.md", "js")[0]);
  });
});
