import type { DatabaseSync } from "node:sqlite";
import { isBusy } from "../errors.ts";
import { prepare } from "../sql/statement.ts";
import { createWriteWatcher } from "./write-watcher.ts";

/** Wakes waiting `lease` calls: after a commit of another process, at a known time, and at least twice a second. */
export interface Notifier {
  /** Runs until `stop`. `nextAt`: Unix ms of the next delay or lease that ends; null when none is known. */
  start(nextAt: number | null): void;
  stop(): void;
  close(): void;
}

export interface NotifierOptions {
  readonly db: DatabaseSync;
  /** The -wal file, which every commit writes. */
  readonly wal: string;
  readonly now: () => number;
  readonly pollMs: number;
  readonly wake: () => void;
  readonly failed: (error: unknown) => void;
}

/** Wakes at least this often, so that a changed clock or a missed write strands no job. */
const WAKE_MS = 500;
/** A write to the -wal file is reported before its commit is visible, which takes a sync to disk: poll for this long. */
const AFTER_WRITE_MS = 1_000;

/**
 * `data_version` changes whenever another connection commits. Reading it is cheap, but fifty timers a second cost over a
 * percent of a core. So the watch on the -wal file starts the polling, where the system has one.
 */
export function createNotifier({ db, wal, now, pollMs, wake, failed }: NotifierOptions): Notifier {
  const dataVersion = prepare(db, "PRAGMA data_version");
  let running = false;
  let timer: NodeJS.Timeout | undefined;
  let firesAt = Infinity;
  let nextAt: number | null = null;
  let version: unknown;
  let wakeAt = 0;
  /** Polling is dense after a write, then sparse. */
  let pollUntil = 0;
  let paceMs = pollMs;
  const writes = createWriteWatcher(wal, () => {
    pollUntil = performance.now() + AFTER_WRITE_MS;
    paceMs = 1;
    if (running) arm();
  });

  function arm(): void {
    const at = performance.now();
    const pollIn = at < pollUntil || !writes.isReliable() ? paceMs : WAKE_MS;
    const dueIn = nextAt === null ? Infinity : Math.max(nextAt - now(), 0);
    const fire = at + Math.min(pollIn, dueIn);
    if (timer !== undefined && fire >= firesAt) return;
    clearTimeout(timer);
    firesAt = fire;
    // Rounded up, since timers may fire a fraction of a millisecond early.
    timer = setTimeout(tick, Math.max(Math.ceil(fire - at), 1));
  }

  function tick(): void {
    timer = undefined;
    paceMs = Math.min(paceMs * 2, pollMs);
    try {
      if (mustWake()) wake();
    } catch (thrown) {
      if (!isBusy(thrown)) return failed(thrown);
    }
    if (running) arm();
  }

  function mustWake(): boolean {
    const at = performance.now();
    const seen = dataVersion.get()?.["data_version"];
    const changed = seen !== version;
    if (changed) writes.foundWrite();
    if (!changed && at < wakeAt && (nextAt === null || nextAt > now())) return false;
    version = seen;
    wakeAt = at + WAKE_MS;
    // The woken calls read the next time from the file.
    nextAt = null;
    return true;
  }

  return {
    start(dueAt) {
      running = true;
      nextAt = dueAt;
      arm();
    },
    stop() {
      running = false;
      clearTimeout(timer);
      timer = undefined;
    },
    close: writes.close,
  };
}
