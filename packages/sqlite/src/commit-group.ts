import type { DatabaseSync } from "node:sqlite";
import { isWaybillError } from "@waybill/core";
import { busyPauseMs } from "./busy.ts";
import { fileError, heldElsewhere, isBusy } from "./errors.ts";
import { rollBack } from "./migrate.ts";
import { prepare } from "./prepare.ts";

/**
 * One transaction, and one sync to disk, for all that is written in one turn of the event loop.
 * While another process writes, the group waits with timers, never blocking the loop, and grows.
 */
export interface CommitGroup {
  /**
   * Runs `work` in the next transaction; resolves once that is on disk. `work` may run again after a rollback, so
   * it writes to the database only. If it throws, it alone rejects; an error of ours it throws before it writes.
   */
  write<T>(work: () => T): Promise<T>;
  /** Asks for a transaction in this turn, if the guest then wants one. */
  nudge(): void;
  /** Resolves once nothing is left to write. */
  settled(): Promise<void>;
}

/** Takes part in every transaction: the lease calls that wait, and what they wait for. */
export interface Guest {
  /** Outside a transaction; reads only. Whether a transaction would serve anybody. */
  wants(): boolean;
  /** Within a transaction, last of all. The answer is called once that is on disk, and not at all if it failed. */
  attend(): () => void;
  /** The write lock is held elsewhere; tries go on. */
  blocked(): void;
  failed(error: unknown): void;
}

interface Entry {
  readonly since: number;
  /** Runs the work; the answer delivers its result. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
}

export function createCommitGroup(db: DatabaseSync, file: string, busyTimeoutMs: number, guest: Guest): CommitGroup {
  const begin = prepare(db, "BEGIN IMMEDIATE");
  const commit = prepare(db, "COMMIT");
  let entries: Entry[] = [];
  let scheduled = false;
  /** Since when, and how often in vain, the write lock was asked for. */
  let blockedSince: number | null = null;
  let tries = 0;
  const idle: (() => void)[] = [];

  function nudge(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    try {
      if (entries.length > 0 || guest.wants()) transact();
      else notBlocked();
    } catch (thrown) {
      // Even a read meets a busy file while another process recovers it after a kill.
      if (isBusy(thrown)) retryLater(thrown);
      else guest.failed(fileError(thrown, file, "use"));
    }
    if (entries.length === 0) for (const resolve of idle.splice(0)) resolve();
  }

  /** The lock was got, or is not wanted any more: the next collision is a new one. */
  function notBlocked(): void {
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
      deliveries.push(guest.attend());
      commit.run();
    } catch (thrown) {
      rollBack(db);
      if (group.length === 0) throw thrown;
      for (const entry of group) alone(entry);
      nudge();
      return;
    }
    for (const deliver of deliveries) deliver();
  }

  /** After a failure in company: each by itself, so that what can be written is, and each failure is its own. */
  function alone(entry: Entry): void {
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
      notBlocked();
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
    for (const entry of late) entry.reject(heldElsewhere(file, busyTimeoutMs, busy));
    if (at - blockedSince >= busyTimeoutMs) {
      blockedSince = null;
      guest.failed(heldElsewhere(file, busyTimeoutMs, busy));
    } else guest.blocked();
    scheduled = true;
    // A commit elsewhere is often over within a turn or two of the loop; after that, pause.
    if (tries <= 3) setImmediate(flush);
    else setTimeout(flush, busyPauseMs(tries));
  }

  function failAll(error: unknown): void {
    for (const entry of entries.splice(0)) entry.reject(error);
    guest.failed(error);
  }

  return {
    nudge,
    write: (work) =>
      new Promise((resolve, reject) => {
        const run = (): (() => void) => {
          try {
            const result = work();
            return () => resolve(result);
          } catch (thrown) {
            // A judgement, such as LEASE_LOST, comes before anything is written, so the others may go on.
            if (isWaybillError(thrown)) return () => reject(thrown);
            throw thrown;
          }
        };
        entries.push({ since: performance.now(), run, reject });
        nudge();
      }),
    settled: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        nudge();
      }),
  };
}
