/** A concurrency key that is full, and the jobs that have its slots. */
export interface FullKey {
  /** The name of the limit. */
  readonly name: string;
  readonly key: string;
  /** The ids of leased jobs that count under the key, at most 100. */
  readonly jobs: readonly string[];
}

/** Where an id is in a store, beyond what `JobControl.list` says. */
export type JobTrace =
  | {
      /** It is a job that waits, is leased or is a dead letter. */
      readonly place: "queue";
      /** Ready jobs of its queue that are leased before it, counted to 10,000 at most; null unless it is ready. */
      readonly ahead: number | null;
      /** Those of `ahead` with a higher priority. */
      readonly higher: number | null;
      /** The key that it waits for; null for none. */
      readonly full: FullKey | null;
    }
  /** It has arrived in an inbox, and `admit` has not judged it. `since` is Unix milliseconds; null where the store does not keep it. */
  | { readonly place: "inbox"; readonly since: number | null }
  /** It has completed, and the store still keeps that. `endedAt` is Unix milliseconds; null where the store does not keep it. */
  | { readonly place: "finished"; readonly endedAt: number | null };

/** The most jobs that `ahead` and `higher` count. */
export const MOST_AHEAD = 10_000;
/** The most `jobs` of a full key. */
export const MOST_SLOTS = 100;
