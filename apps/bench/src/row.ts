/** One comparison of one run. The member names are read by others; add, never rename. */
export interface Row {
  readonly backend: string;
  /** What was measured. "process_logged" is "process" with a JSON line per transition on stdout. */
  readonly metric: string;
  /** Jobs under way at once; jobs per call for bulk. */
  readonly concurrency: number;
  /** The library that waybill is compared with in the same run; "budget": a number that this project set itself; "none". */
  readonly peer: string;
  /** "s": CPU seconds for 10,000 jobs. */
  readonly unit: "jobs/s" | "requests/s" | "us" | "ms" | "s" | "%" | "MiB";
  readonly ours: number;
  /** Null where there is nothing to compare with. */
  readonly theirs: number | null;
  /** ours / theirs: for jobs/s and requests/s more is better, for every other unit less. */
  readonly ratio: number | null;
  /** The ratio this project holds itself to; absent: none was set. */
  readonly target?: number;
}

/** A row with its ratio worked out. */
export function row(parts: Omit<Row, "ratio">): Row {
  const { ours, theirs } = parts;
  return { ...parts, ratio: theirs === null ? null : rounded(ours / theirs) };
}

/** Three significant digits: a run is not more precise than that. */
export function rounded(value: number): number {
  return value >= 1_000 ? Math.round(value) : Number(value.toPrecision(3));
}
