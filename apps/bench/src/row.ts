/** One comparison of one run. The member names are read by others; add, never rename. */
export interface Row {
  readonly backend: "sqlite" | "memory";
  /** What was measured. "process_logged" is "process" with a JSON line per transition on stdout. */
  readonly metric: string;
  /** Jobs under way at once; jobs per call for bulk. */
  readonly concurrency: number;
  /** Whom we are compared with: a raw loop measured in the same run, or a budget this project set itself. */
  readonly peer: "raw node:sqlite" | "budget" | "none";
  readonly unit: "jobs/s" | "us" | "ms" | "%" | "MiB";
  readonly ours: number;
  /** Null where there is nobody to compare with. */
  readonly theirs: number | null;
  /** ours / theirs: for jobs/s more is better, for every other unit less. */
  readonly ratio: number | null;
}

/** A row with its ratio worked out. */
export function row(parts: Omit<Row, "ratio">): Row {
  const { ours, theirs } = parts;
  return { ...parts, ratio: theirs === null ? null : rounded(ours / theirs) };
}

/** Three significant digits: more would claim a precision no run has. */
export function rounded(value: number): number {
  return value >= 1_000 ? Math.round(value) : Number(value.toPrecision(3));
}
