import { expect, test } from "vitest";
import { type Column, table } from "../../src/output/table.ts";

const columns: readonly Column<{ readonly id: string; readonly why: string }>[] = [
  { title: "ID", text: ({ id }) => id },
  { title: "WHY", text: ({ why }) => why },
];

test("what a terminal would obey is shown and not sent to it: ids, types and errors are whatever a producer wrote", () => {
  const hostile = { id: "a\u001b[2J\u0007", why: "\u009b31mred\r\u001b]0;title\u001b\\" };
  const [, row] = table(columns, [hostile, { id: "zoë 🚚", why: "late" }]).split("\n");
  expect(row).toBe("a�[2J�  �31mred��]0;title�\\");
});

test("columns stay below their titles whatever stands in them", () => {
  expect(table(columns, [{ id: "a\nb", why: "x" }]).split("\n")).toEqual(["ID   WHY", "a�b  x"]);
});
