import type { Row } from "../row.ts";

/** How long a run may take: counts of jobs and rounds. */
export interface Scale {
  /** Times every side is measured; the median counts. */
  readonly rounds: number;
  /** 1 for a real run; far less for a test that only wants to see the rows. */
  readonly share: number;
}

export interface Scenario {
  /** For --only. */
  readonly name: string;
  /** One line that is printed while it runs. */
  readonly title: string;
  readonly run: (scale: Scale) => Promise<Row[]>;
}

/** A number of jobs at this scale, in whole hundreds so that batches fit. */
export function scaled(jobs: number, scale: Scale): number {
  return Math.max(200, Math.round((jobs * scale.share) / 100) * 100);
}
