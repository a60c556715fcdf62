import { printable } from "@waybill/core/endpoint";
import { bold, dim } from "./style.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** "right" for numbers. Omitted: left. */
  readonly align?: "right";
}

/**
 * Formats rows under titles: columns two spaces apart, no trailing spaces. On a terminal that is too narrow for that, formats each
 * row as a block: its first column, and below it the others with their titles. `width`: default that of the terminal; for a pipe
 * and a file no limit.
 */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number = process.stdout.columns ?? Infinity,
): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map((column, at) => Math.max(column.title.length, ...cells.map((line) => line[at]!.length)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => (columns[at]!.align === "right" ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd();
  const lines = cells.map(line);
  const title = line(columns.map((column) => column.title));
  if (Math.max(...[title, ...lines].map((text) => text.length)) <= width) return [bold(title), ...lines].join("\n");
  const titles = columns.map((column) => column.title);
  return cells.map((row) => blockOf(titles, row, width)).join("\n");
}

/** Breaks lines only between fields. A field that is longer than a line has one for itself. */
function blockOf(titles: readonly string[], [first = "", ...others]: readonly string[], width: number): string {
  const lines: string[] = [];
  let left = 0;
  for (const [at, text] of others.entries()) {
    const title = titles[at + 1]!;
    const length = title.length + 1 + text.length;
    const field = `${dim(title)} ${text}`;
    if (lines.length > 0 && length + 2 <= left) lines.push(`${lines.pop()}  ${field}`);
    else {
      lines.push(`  ${field}`);
      left = width;
    }
    left -= length + 2;
  }
  return [bold(first), ...lines].join("\n");
}
