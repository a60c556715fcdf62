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

test("on a terminal that is too narrow each row is a block whose lines fit, with every field and its title", () => {
  const wide: readonly Column<readonly string[]>[] = ["ID", "TYPE", "QUEUE", "STATE", "DUE"].map((title, at) => ({
    title,
    text: (row) => row[at] ?? "",
  }));
  const id = "0199a3c2-0000-7000-8000-000000000000";
  const rows = [[id, "catalogue.import.partner_products", "imports-of-partners", "delayed", "in 3 h"]];
  expect(table(wide, rows, 80).split("\n")).toEqual([
    id,
    "  TYPE catalogue.import.partner_products  QUEUE imports-of-partners",
    "  STATE delayed  DUE in 3 h",
  ]);
  const exactly = "  TYPE catalogue.import.partner_products  QUEUE imports-of-partners".length;
  expect(table(wide, rows, exactly).split("\n")[1]).toHaveLength(exactly);
  expect(table(wide, rows, exactly - 1).split("\n")[1]).toBe("  TYPE catalogue.import.partner_products");
  expect(table(wide, [["a", "b", "c", "d", "e"]], 80).split("\n")).toEqual([
    "ID  TYPE  QUEUE  STATE  DUE",
    "a   b     c      d      e",
  ]);
  // A pipe and a file have no width: one line per row, for grep.
  expect(table(wide, rows, Infinity).split("\n")).toHaveLength(2);
});
