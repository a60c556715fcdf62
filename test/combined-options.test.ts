import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackendFactory } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { sqliteBackend } from "@waybill/sqlite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Scenario, scenarioOf, smaller } from "./combined/scenario.ts";
import { differenceIn } from "./combined/trial.ts";

let files = 0;
const folder = mkdtempSync(join(tmpdir(), "waybill-combined-"));

// Time stands still but for the test, so that what happens at a millisecond and what a millisecond before can be told.
beforeAll(
  () => void vi.useFakeTimers({ toFake: ["Date", "performance"], now: Date.parse("2026-11-26T08:00:00.250Z") }),
);
afterAll(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const moveTo = (ms: number): void => void vi.advanceTimersByTime(ms - Date.now());

test.each([
  ["memory", 100, () => memoryBackend()],
  ["sqlite", 10, () => sqliteBackend({ path: join(folder, `${(files += 1)}.db`) })],
] as const)(
  "delay, expiry, priority, retry, signature, version, tenant and queue behave in every mixture, as a model says (%s)",
  { timeout: 60_000 },
  async (_name, scenarios, fresh) => {
    for (let seed = 1; seed <= scenarios; seed++) {
      const scenario = scenarioOf(seed);
      const difference = await differenceIn(scenario, fresh(), moveTo);
      if (difference !== null) expect.fail(await told(scenario, difference, fresh));
    }
  },
);

/** The smallest scenario that still differs, as it can be pasted into a test. */
async function told(scenario: Scenario, difference: string, fresh: () => BackendFactory): Promise<string> {
  for (const less of smaller(scenario)) {
    const still = await differenceIn(less, fresh(), moveTo);
    if (still !== null) return told(less, still, fresh);
  }
  return `${difference}\n${JSON.stringify(scenario, null, 1)}`;
}
