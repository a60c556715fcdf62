/** Work on a table that may be late: removing what has expired, and repairs. */
export interface Sweep {
  /** Reads only. Whether it has waited long enough to be worth a transaction. */
  isDue(): boolean;
  /** Within a transaction. Does a part of bounded size. */
  run(): void;
}
