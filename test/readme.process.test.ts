import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { published, read, root, top } from "./workspace.ts";

/** The first block of JavaScript in a README. */
function example(path: string): string {
  const code = /```js\n([\s\S]*?)```/.exec(read(path))?.[1];
  if (code === undefined) throw new Error(`${path} shows no JavaScript`);
  return code;
}

let folder = "";
let child: ChildProcess | null = null;

const npm = (...args: string[]): string => execFileSync("npm", args, { cwd: folder, encoding: "utf8", stdio: "pipe" });

// What a stranger has: an empty folder and the packages as they would be published, nothing of this repository.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-readme-"));
  const wanted = published.filter(({ manifest }) => ["@waybill/core", "@waybill/sqlite"].includes(manifest.name));
  const paths = [...wanted.map(({ path }) => join(root, path)), join(root, "node_modules", "zod")];
  npm("pack", "--silent", "--pack-destination", folder, ...paths);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  expect(tarballs.length).toBe(3);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  npm("install", "--offline", "--no-package-lock", ...tarballs.map((name) => `./${name}`));
  writeFileSync(join(folder, "receipts.js"), example("README.md"));
});

afterAll(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("the README", () => {
  test("shows ten lines", () => {
    expect(
      example("README.md")
        .split("\n")
        .filter((line) => line !== "").length,
    ).toBe(10);
  });

  test("has lines that run as they stand, from an empty folder with the packed packages", async () => {
    child = spawn(process.execPath, ["receipts.js"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    const exit = once(child, "exit");
    const lines: string[] = [];
    if (!child.stdout) throw new Error("no stdout");
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.includes('"settled"')) child.kill("SIGTERM");
    }
    expect(await exit).toEqual([0, null]);
    expect(lines).toContain("receipt for o_1, attempt 1");
    const report = JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
    expect(report).toMatchObject({ event: "stopped", reason: "SIGTERM", completed: 1, unfinished: 0 });
    expect(readdirSync(folder)).toContain("waybill.db");
  });

  test("names only commands that exist", () => {
    const named = [...read("README.md").matchAll(/^npm ci && npm (?:run )?(\S+)/gm)].map(([, script]) => script ?? "");
    expect(named).toEqual(["demo", "test"]);
    expect(named.filter((script) => !Object.hasOwn(top.manifest.scripts ?? {}, script))).toEqual([]);
  });

  test("shows the same lines as the README of core", () => {
    expect(example("packages/core/README.md")).toBe(example("README.md"));
  });
});
