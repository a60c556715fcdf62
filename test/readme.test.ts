import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { linesOf } from "../scripts/packed/readme-lines.ts";
import { read, root, top } from "./workspace.ts";

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

  test("shows the dashboard, light and dark, in pictures of at most 150 KB", () => {
    const pictures = [...read("README.md").matchAll(/(?:src|srcset)="([^"]+)"/g)].map(([, path = ""]) => path);
    expect(pictures).toEqual(["docs/pictures/dashboard-dark.webp", "docs/pictures/dashboard-light.webp"]);
    expect(pictures.filter((path) => statSync(join(root, path)).size > 150_000)).toEqual([]);
  });

  test("dates what it says about others, and links each cell to what shows it", () => {
    const table = read("README.md").split("## Beside its neighbours")[1]?.split("\n## ")[0] ?? "";
    expect(table).toContain("Checked 2026-11");
    const cells = table
      .split("\n")
      .filter((line) => /^\| \w/.test(line))
      .flatMap((line) => line.split("|").slice(2, -1));
    expect(cells.length).toBeGreaterThan(30);
    expect(cells.filter((cell) => cell.trim() !== "" && !cell.includes("]("))).toEqual([]);
  });
});
