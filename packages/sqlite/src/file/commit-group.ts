import type { DatabaseSync } from "node:sqlite";
import { isWaybillError } from "@waybill/core";
import { busyPauseMs, fileError, isBusy, lockedElsewhere } from "../errors.ts";
import { prepare, rollBack } from "../sql/statement.ts";

/**
 * Runs all writes of one turn of the event loop in one transaction, with one sync to disk. While another process holds the
 * write lock, the group tries again by timers, never blocking the event loop, and grows.
 */
export interface CommitGroup {
  /**
   * Runs `work` in the next transaction and resolves once that is on disk. `work` may run again after a rollback, so it may
   * write to the database only. If it throws, only this call rejects; it must throw a WaybillError before it writes.
   */
  write<T>(work: () => T): Promise<T>;
  /** Schedules a transaction in this turn, for the participant if it needs one. */
  schedule(): void;
  /** Resolves once no write is left. */
  settled(): Promise<void>;
}

/** Takes part in every transaction: the waiting `lease` calls. */
export interface Participant {
  /** Called outside a transaction; reads only. Returns whether a transaction would serve a call. */
  needsTransaction(): boolean;
  /** Called last in each transaction. The returned function is called once that is on disk, and never if it failed. */
  join(): () => void;
  failed(error: unknown): void;
}

interface Entry {
  readonly since: number;
  /** Runs the work. The returned function resolves or rejects the caller's promise. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
}

export function createCommitGroup(
  db: DatabaseSync,
  file: string,
  busyTimeoutMs: number,
  participant: Participant,
): CommitGroup {
  const begin = prepare(db, "BEGIN IMMEDIATE");
  const commit = prepare(db, "COMMIT");
  let entries: Entry[] = [];
  let scheduled = false;
  /** Since when, and how often, BEGIN has found the lock held. */
  let blockedSince: number | null = null;
  let tries = 0;
  const idle: (() => void)[] = [];

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    try {
      if (entries.length > 0 || participant.needsTransaction()) transact();
      else unblocked();
    } catch (thrown) {
      // A read may find the file busy, too: after a kill, another process recovers it.
      if (isBusy(thrown)) retryLater(thrown);
      else participant.failed(fileError(thrown, file, "use"));
    }
    if (entries.length === 0) for (const resolve of idle.splice(0)) resolve();
  }

  function unblocked(): void {
    blockedSince = null;
    tries = 0;
  }

  function transact(): void {
    if (!tryBegin()) return;
    const group = entries;
    entries = [];
    let deliveries: (() => void)[];
    try {
      deliveries = group.map((entry) => entry.run());
      deliveries.push(participant.join());
      commit.run();
    } catch (thrown) {
      rollBack(db);
      if (group.length === 0) throw thrown;
      for (const entry of group) runAlone(entry);
      schedule();
      return;
    }
    for (const deliver of deliveries) deliver();
  }

  /** After a group has failed: each entry in a transaction of its own, so that one failure is that entry's alone. */
  function runAlone(entry: Entry): void {
    let deliver: () => void;
    try {
      begin.run();
      deliver = entry.run();
      commit.run();
    } catch (thrown) {
      rollBack(db);
      if (isBusy(thrown)) entries.push(entry);
      else entry.reject(fileError(thrown, file, "use"));
      return;
    }
    deliver();
  }

  function tryBegin(): boolean {
    try {
      begin.run();
      unblocked();
      return true;
    } catch (thrown) {
      if (isBusy(thrown)) retryLater(thrown);
      else failAll(fileError(thrown, file, "use"));
      return false;
    }
  }

  function retryLater(busy: unknown): void {
    const at = performance.now();
    blockedSince ??= at;
    tries += 1;
    const late = entries.filter((entry) => at - entry.since >= busyTimeoutMs);
    entries = entries.filter((entry) => at - entry.since < busyTimeoutMs);
    for (const entry of late) entry.reject(lockedElsewhere(file, busyTimeoutMs, busy));
    if (at - blockedSince >= busyTimeoutMs) {
      blockedSince = null;
      participant.failed(lockedElsewhere(file, busyTimeoutMs, busy));
    }
    scheduled = true;
    // Another process often commits within a turn or two of the event loop; pause only after that.
    if (tries <= 3) setImmediate(flush);
    else setTimeout(flush, busyPauseMs(tries));
  }

  function failAll(error: unknown): void {
    for (const entry of entries.splice(0)) entry.reject(error);
    participant.failed(error);
  }

  return {
    schedule,
    write: (work) =>
      new Promise((resolve, reject) => {
        const run = (): (() => void) => {
          try {
            const result = work();
            return () => resolve(result);
          } catch (thrown) {
            // A refusal, such as LEASE_LOST, is thrown before anything is written, so the rest of the group is unaffected.
            if (isWaybillError(thrown)) return () => reject(thrown);
            throw thrown;
          }
        };
        entries.push({ since: performance.now(), run, reject });
        schedule();
      }),
    settled: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        schedule();
      }),
  };
}
