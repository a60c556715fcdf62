import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("the suite runs under node:test as it does under vitest, reasons for skips included", () => {
  const file = new URL("./node-runner.fixture.ts", import.meta.url).pathname;
  const args = ["--conditions=waybill-source", "--test", "--test-reporter=tap", file];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stdout).toMatch(/# SKIP any delay is allowed at enqueue \(maxDelayMs\)/);
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(status).toBe(0);
});
