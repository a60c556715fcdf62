import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { contractCases } from "../src/index.ts";

test("the README's lines run the whole suite under node:test, reasons for skips included", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const lines = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]?.replace('"vitest"', '"node:test"');
  expect(lines).toContain("runBackendContract(test");
  const args = ["--conditions=waybill-source", "--test-reporter=tap", "--input-type=module", "-e", lines ?? ""];
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  expect(stdout).toMatch(/# SKIP any delay is allowed at enqueue \(maxDelayMs\)/);
  expect(stdout).toMatch(new RegExp(`^# tests ${contractCases.length}$`, "m"));
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(status).toBe(0);
});
