import { printable } from "@waybill/core/endpoint";
import { bold } from "./style.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** "right" for numbers. Omitted: left. */
  readonly align?: "right";
}

/** Formats rows under titles: columns two spaces apart, no trailing spaces. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map((column, at) => Math.max(column.title.length, ...cells.map((line) => line[at]!.length)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => (columns[at]!.align === "right" ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd();
  return [bold(line(columns.map((column) => column.title))), ...cells.map(line)].join("\n");
}
