import type { JobRecord } from "./job-record.ts";
import type { RecordQuery } from "./record-query.ts";

/** Some records, those enqueued last first. */
export interface FoundRecords {
  readonly records: readonly JobRecord[];
  /** Pass it as `after` for the next page; null when this is the last. */
  readonly next: string | null;
  /**
   * Unix milliseconds: when the newest change that the store has was made. What happened since is not in the page; it is written about
   * twice a second. Null: nothing was ever recorded.
   */
  readonly asOf: number | null;
}

/** Reads what happened to jobs. Written by connections with `records`; every connection to the backend may read. */
export interface Records {
  /** Returns the record of a job; null when there is none. Rejects `CAPABILITY_MISSING` where the backend keeps none. */
  get(id: string): Promise<JobRecord | null>;
  /** Finds records, page by page. Rejects `CONFIG_INVALID` for a filter that does not exist, and `CAPABILITY_MISSING` as `get` does. */
  find(query?: RecordQuery): Promise<FoundRecords>;
}

/** Options of `jobs.watch`. */
export interface WatchOptions {
  /** Ends the watch. */
  readonly signal?: AbortSignal | undefined;
}

/** The call of a connection that follows one job. */
export type Watch = (id: string, options?: WatchOptions) => AsyncGenerator<JobRecord, void, undefined>;
