import { harmless } from "@waybill/core/door";
import { bold } from "./style.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers go to the right, so that their units stand below each other. */
  readonly align?: "right";
}

/** Rows under aligned titles, two spaces apart, no trailing blanks. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => harmless(column.text(row))));
  const widths = columns.map((column, at) => Math.max(column.title.length, ...cells.map((line) => line[at]!.length)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => (columns[at]!.align === "right" ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd();
  return [bold(line(columns.map((column) => column.title))), ...cells.map(line)].join("\n");
}
