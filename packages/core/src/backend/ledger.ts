import type { Backend } from "./contract.ts";

/**
 * One record of a ledger: what a feature remembers beside the jobs. A key is 1 to 512 characters of printable ASCII without
 * blanks, its parts joined by "/", such as `schedule/nightly`; keys are ordered by their bytes. A value is at most 64 KiB of
 * UTF-8, without U+0000. Each call rejects `CONFIG_INVALID` for other keys and values, before it changes anything.
 */
export interface LedgerRecord {
  readonly key: string;
  readonly value: string;
  /** At least 1; another number after each change of the record, also when it was deleted and written again. */
  readonly version: number;
  /** Milliseconds until `due` returns the record, by the store's clock, 0 or less once it does; null for a record that is never due. */
  readonly dueInMs: number | null;
}

/** One write of a commit. */
export interface LedgerChange {
  readonly key: string;
  /** The version that the record must have: a number, "absent" for no record, "any" for no condition. */
  readonly ifVersion: number | "absent" | "any";
  /** The new value; null deletes the record. A record that is not there may be deleted. */
  readonly value: string | null;
  /** Milliseconds until the record is due, by the store's clock; 0: at once. Omitted: never due. */
  readonly dueInMs?: number;
  /** Milliseconds until the record no longer exists, by the store's clock, at least 1. Omitted: it stays until it is deleted. */
  readonly expiresInMs?: number;
  /** Whether a written record calls those who `watch` its key. Omitted: no. A delete calls none. */
  readonly notify?: boolean;
}

/** The result of a commit: all changes were made, or none. */
export type LedgerCommit =
  /** The new versions, in the order of the changes; 0 for a deleted record. */
  | { readonly ok: true; readonly versions: readonly number[] }
  /** The keys whose record did not have the version that its change asked for, in the order of the changes. */
  | { readonly ok: false; readonly conflicts: readonly string[] };

/** A watch of one key. */
export interface LedgerWatch {
  /** Whether changes are reported now. While false, as after a lost connection, read the record more often. */
  isReporting(): boolean;
  /** Ends the watch. `changed` is not called again. */
  end(): void;
}

/**
 * A small store of records beside the jobs: schedules, pauses, limits and unique keys stand on it. Every clock is that of the
 * store. A record whose time has passed is never returned, and its key counts as absent.
 */
export interface Ledger {
  /** Returns the records of these keys, in order; null for one that does not exist. At most 1,000 keys. */
  read(keys: readonly string[]): Promise<(LedgerRecord | null)[]>;
  /** Makes all changes or none, as durably as the store keeps jobs. At most 1,000 changes; no two of the same key. */
  commit(changes: readonly LedgerChange[]): Promise<LedgerCommit>;
  /** Returns the first `limit` records (1 to 1,000) whose key begins with `prefix`, by key; with `after`: those behind that key. "": any key. */
  list(range: { readonly prefix: string; readonly after?: string; readonly limit: number }): Promise<LedgerRecord[]>;
  /** Returns the first `limit` records (1 to 1,000) under `prefix` that are due, the longest due first, then by key. */
  due(range: { readonly prefix: string; readonly limit: number }): Promise<LedgerRecord[]>;
  /**
   * Calls `changed` soon after any connection has committed a change of the key with `notify`, and whenever the watch begins to
   * report. It promises little: `changed` may be called without a change, and a change may go unreported, so also read the record at
   * intervals. The watch ends with the connection and keeps no process alive. Throws as `read` rejects. Omitted: the store has no
   * notifications.
   */
  watch?(key: string, changed: () => void): LedgerWatch;
}

/** A backend that has a ledger. */
export interface LedgerBackend extends Backend {
  readonly ledger: Ledger;
}

/** Returns the ledger of a backend; null where it has none. Never throws. */
export function ledgerOf(backend: Backend): Ledger | null {
  return "ledger" in backend ? (backend as LedgerBackend).ledger : null;
}
