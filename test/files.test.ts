import { expect, test } from "vitest";
import { read, sources, workspaces } from "./workspace.ts";

/** Lines above which a file holds more than one idea. */
function limitOf(path: string): number {
  if (/(^|\/)test\//.test(path)) return 400;
  return path.startsWith("packages/core/") ? 250 : 300;
}

const files = [...workspaces.map(({ path }) => path), "scripts", "test"].flatMap((folder) => sources(folder));

test("no file is longer than one idea: 250 lines in core, 300 elsewhere, 400 in tests", () => {
  const long = files
    .map((path) => ({ path, lines: read(path).split("\n").length - 1, limit: limitOf(path) }))
    .filter(({ lines, limit }) => lines > limit);
  expect(files.length).toBeGreaterThan(500);
  expect(long.map(({ path, lines, limit }) => `${path} has ${lines} lines, ${limit} at most`)).toEqual([]);
});

test.each([
  ["packages/core/src/worker/worker.ts", 250],
  ["packages/sqlite/src/backend.ts", 300],
  ["packages/core/test/worker/worker.test.ts", 400],
  ["test/workspace.ts", 400],
  ["scripts/check.mjs", 300],
])("%s may have %i lines", (path, limit) => {
  expect(limitOf(path)).toBe(limit);
});
