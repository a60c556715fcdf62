import { expect, test } from "vitest";
import { read } from "./workspace.ts";

/** The members of an interface that have a name in upper case. */
const codes = [...read("packages/core/src/features/why/why-api.ts").matchAll(/^ {2}([A-Z_]+):/gm)].map(
  ([, code]) => code,
);

test("docs/why.md has a row for each code of why, and no other", () => {
  const rows = read("docs/why.md").matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|/gm);
  const listed = [...rows].flatMap(([, names = ""]) => names.replaceAll("`", "").split(", "));
  expect(codes.length).toBeGreaterThan(20);
  expect(listed.toSorted()).toEqual(codes.toSorted());
});
