import { expect, test } from "vitest";
import { clockFinding } from "../../src/backend/clock-finding.ts";

const finding = (aheadMs: number, tookMs = 0) =>
  clockFinding("x.clock", "a delay ends early or late by as much", async () => {
    const at = Date.now() + aheadMs;
    await new Promise((resolve) => setTimeout(resolve, tookMs));
    return at;
  });

test.each([
  [0, "ok", "agrees"],
  [3_000, "note", "3.0 s ahead of this machine's: a delay ends early or late by as much"],
  [-3_600_000, "warning", "3600.0 s behind"],
])("a clock that is %i ms ahead is %s", async (aheadMs, severity, message) => {
  expect(await finding(aheadMs)).toMatchObject({
    check: "x.clock",
    severity,
    message: expect.stringContaining(message),
  });
});

test("what a slow call may explain is not reported", async () => {
  expect(await finding(1_400, 1_500)).toMatchObject({ severity: "ok" });
});
