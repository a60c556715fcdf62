import { StatementSync } from "node:sqlite";
import { afterEach, expect, test, vi } from "vitest";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

afterEach(() => void vi.restoreAllMocks());

test("a job without keys takes three statements: one to store it and two to ack it; a call takes a few more", async () => {
  const backend = await open({ path: temporaryFile() });
  const spies = (["run", "get", "all"] as const).map((name) => vi.spyOn(StatementSync.prototype, name));
  const statements = (): number => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  const jobs = Array.from({ length: 100 }, () => message());
  expect((await backend.enqueue(jobs)).every(({ ok }) => ok)).toBe(true);
  const leases = await lease(backend, { limit: 100 });
  expect(leases).toHaveLength(100);
  expect((await backend.ack(leases)).every(({ ok }) => ok)).toBe(true);
  expect(statements()).toBeGreaterThanOrEqual(300);
  expect(statements()).toBeLessThan(340);
});
