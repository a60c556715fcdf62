import { expect, test } from "vitest";
import { read, sources, workspaces } from "./workspace.ts";

/** Names of files that look like one of a check. */
const FILES = /\.(conf|json|ts|js|db)$/;
/** A check that has its name from a row of a query. */
const OF_SETTINGS = ["postgres.fsync", "postgres.synchronous_commit"];

/** The checks whose names stand in the sources, whole or as the second half that a helper completes. */
function checksOf(path: string): string[] {
  const texts = sources(`${path}/src`)
    .map(read)
    .filter((text) => /\bFinding\b/.test(text));
  const whole = texts.flatMap((text) =>
    [...text.matchAll(/"((?:backend|host|queues|receiver|workers|redis|postgres|sqlite|rabbitmq|sqs)\.[a-z_]+)"/g)].map(
      ([, name = ""]) => name,
    ),
  );
  const prefix = path.split("/").at(-1) ?? "";
  const halves = ["rabbitmq", "sqs"].includes(prefix)
    ? texts.flatMap((text) => [...text.matchAll(/\bfinding\(\s*"([a-z_]+)"/g)].map(([, name]) => `${prefix}.${name}`))
    : [];
  return [...whole, ...halves].filter((name) => !FILES.test(name));
}

test("docs/doctor.md has a row for each check, and none for another", () => {
  const checks = new Set([...workspaces.flatMap(({ path }) => checksOf(path)), ...OF_SETTINGS]);
  const page = read("docs/doctor.md");
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  const named = new Set(
    rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([a-z]+\.[a-z_]+)`/g)].map(([, name = ""]) => name)),
  );
  expect(checks.size).toBeGreaterThan(45);
  expect([...named].toSorted()).toEqual([...checks].toSorted());
});
