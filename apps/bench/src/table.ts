import type { Row } from "./row.ts";

const TITLES = ["backend", "metric", "at once", "ours", "theirs", "unit", "ratio", "target", "compared with"];
const NUMERIC = new Set([2, 3, 4, 6, 7]);

/** Returns the rows as an aligned table with titles. */
export function table(rows: readonly Row[]): string {
  const lines = [TITLES, ...rows.map(cells)];
  const widths = TITLES.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line.map((cell, at) => (NUMERIC.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))),
    )
    .map((line) => line.join("  ").trimEnd())
    .join("\n");
}

function cells(row: Row): string[] {
  return [
    row.backend,
    row.metric,
    count(row.concurrency),
    count(row.ours),
    row.theirs === null ? "-" : count(row.theirs),
    row.unit,
    row.ratio === null ? "-" : row.ratio.toFixed(2),
    row.target === undefined ? "-" : row.target.toFixed(1),
    row.peer,
  ];
}

function count(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 3 });
}
