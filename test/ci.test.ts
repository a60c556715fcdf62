import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root, top } from "./workspace.ts";

const ci = read(".ci/run");
const steps = [...ci.matchAll(/^step (.+)$/gm)].map(([, command]) => command ?? "");
const npmScript = (command: string): string | undefined => /^npm (?:run )?(\S+)/.exec(command)?.[1];

describe("R30: CI is made of calls that a person can make", () => {
  test("each step is npm, or a script of this repository", () => {
    expect(steps.length).toBeGreaterThan(4);
    expect(
      steps.filter((command) => !/^(npm (ci|test|run [a-z:]+( -- .+)?)|bash scripts\/[a-z-]+\.sh)$/.test(command)),
    ).toEqual([]);
  });

  test("each step's script exists", () => {
    const files = steps.filter((command) => command.startsWith("bash ")).map((command) => command.slice(5));
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    const names = steps.filter((command) => command.startsWith("npm ") && command !== "npm ci").map(npmScript);
    expect(names.filter((name) => !Object.hasOwn(top.manifest.scripts ?? {}, name ?? ""))).toEqual([]);
  });

  test("CONTRIBUTING names each step", () => {
    const text = read("CONTRIBUTING.md");
    expect(steps.filter((command) => !text.includes(command))).toEqual([]);
  });

  test("nothing belongs to one vendor", () => {
    expect(ci).not.toMatch(/\b(GITHUB|CIRCLE|GITLAB|BUILDKITE|TRAVIS|CODEBUILD)_/);
  });

  test.each([".ci/run", "scripts/install-debian-packages.sh", "scripts/run-on-other-nodes.sh"])("%s parses", (file) => {
    const { status, stderr } = spawnSync("bash", ["-n", file], { cwd: root, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(read(file)).toMatch(/^set -euo pipefail$/m);
  });
});

test("a skip is listed with its reason", () => {
  const listed = read(".ci/skips")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(listed.filter((line) => !/^.+: .{10,}$/.test(line) || line.endsWith("no reason given"))).toEqual([]);
});
