import type { Backend } from "./contract.ts";

/** What a job is doing, or how it has ended. "discarded": it ended without success and was not kept. */
export type RecordState = "waiting" | "running" | "retrying" | "completed" | "dead" | "cancelled" | "discarded";

/** The states of a job that has not ended come first. */
export const RECORD_STATES: readonly RecordState[] = [
  "waiting",
  "running",
  "retrying",
  "completed",
  "dead",
  "cancelled",
  "discarded",
];

/** What a store keeps of one job. */
export interface StoredRecord {
  readonly id: string;
  /** "" where it is not known. */
  readonly type: string;
  readonly queue: string;
  /** Null for none. */
  readonly tenant: string | null;
  /** Unix milliseconds; the order of records. That of the first write of a record stays. */
  readonly enqueuedAt: number;
  /** JSON, cut by core; null where it is not known. */
  readonly payload: string | null;
  readonly state: RecordState;
  /** Why it is in this state; null for no reason. */
  readonly code: string | null;
  /** Null for no reason. */
  readonly message: string | null;
  /** Unix milliseconds: when this state began. */
  readonly at: number;
  /** Unix milliseconds: the start of the last run; null before the first. */
  readonly startedAt: number | null;
  /** Unix milliseconds; null for a job that has not ended. */
  readonly endedAt: number | null;
  /** Attempts, log lines and progress, which a store does not read: name to JSON. */
  readonly items: Readonly<Record<string, string>>;
}

/**
 * One change of a record. Changes arrive late, twice and out of order, from several processes, so a store merges them: `mergeRecord`
 * of core says how. Writing a change twice changes nothing.
 */
export interface RecordChange extends StoredRecord {
  /** Of two states, the one of the higher rank stays; of the same rank, the later one. A whole number. */
  readonly rank: number;
  /** Unix milliseconds: this state replaces any that began before, whatever its rank. */
  readonly replaces: number;
}

/** Filters records. A record matches when it passes every filter. Omitted fields do not filter. */
export interface RecordFilter {
  /** Those of exactly this type. Absent: of every type. */
  readonly type?: string | undefined;
  /** Those in this state. Absent: in any state. */
  readonly state?: RecordState | undefined;
  /** Those of this tenant. Absent: of every tenant, and of none. */
  readonly tenant?: string | undefined;
  /** Those of this queue. Absent: of every queue. */
  readonly queue?: string | undefined;
  /** Those enqueued at this time or later, in Unix milliseconds. Absent: of any time. */
  readonly since?: number | undefined;
  /** Those enqueued before this time, in Unix milliseconds. Absent: of any time. */
  readonly until?: number | undefined;
  /** Those whose state has exactly this code. Absent: with any code, and with none. */
  readonly code?: string | undefined;
  /** Those with this text in payload or message, letters of ASCII in upper or lower case; nothing in it is a wildcard. Absent: with any. */
  readonly text?: string | undefined;
}

/** The arguments of `find`. */
export interface RecordRange extends RecordFilter {
  /** 1 to 1,000. */
  readonly limit: number;
  /** `next` of the page before. Omitted: the first page. */
  readonly after?: string | undefined;
}

/** Some records, those enqueued last first. */
export interface RecordPage {
  readonly records: readonly StoredRecord[];
  /** Pass it as `after` for the next page; null when this is the last. */
  readonly next: string | null;
  /** Unix milliseconds: when the newest change that the store has was made; null for a store without records. */
  readonly asOf: number | null;
}

/** Which records to remove. */
export interface RecordLimits {
  /** Unix milliseconds: those enqueued before; null for none. */
  readonly before: number | null;
  /** How many records stay, those enqueued last; null for any number. */
  readonly most: number | null;
  /** Removes at most this many in this call. */
  readonly limit: number;
}

/** A store of what happened to jobs. It decides nothing; it is written beside the jobs and may lag behind them. */
export interface RecordStore {
  /** How many calls of `write` one process makes at once while many changes wait, each of other jobs. Omitted: one. */
  readonly writers?: number;
  /** Merges the changes, at most 1,000, each of another id, into the records. After an error some may be written; writing them again is safe. */
  write(changes: readonly RecordChange[]): Promise<void>;
  /** Returns the record; null when there is none. */
  get(id: string): Promise<StoredRecord | null>;
  /** Only the last page has fewer than `limit` records. Paging misses no record that was there before the first page and stays. */
  find(range: RecordRange): Promise<RecordPage>;
  /** Removes the records enqueued first, and returns how many: fewer than `limit` once no more are to be removed. */
  prune(pruning: RecordLimits): Promise<number>;
  /**
   * Makes the index by which texts are found, unless it is there; every connection that writes keeps it up to date. Resolves without one
   * where the server permits none: `find` then reads each record. Omitted: the store has no such index.
   */
  indexTexts?(): Promise<void>;
}

/** A backend that keeps records. */
export interface RecordStoreBackend extends Backend {
  /** Returns the records of one scope, apart from those of every other. "": its own jobs; else the name of a backend that borrows. */
  recordStore(scope: string): RecordStore;
}

/** Returns the record store of a backend; null where it has none. Never throws. */
export function recordStoreOf(backend: Backend, scope = ""): RecordStore | null {
  return "recordStore" in backend ? (backend as RecordStoreBackend).recordStore(scope) : null;
}
