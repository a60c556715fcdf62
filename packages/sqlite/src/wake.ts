import type { DatabaseSync } from "node:sqlite";
import { isBusy } from "./errors.ts";
import { prepare } from "./prepare.ts";
import { watchWrites } from "./watch-writes.ts";

/** Tells those who wait when to look: another process wrote, a known time came, or a while has passed. */
export interface Wake {
  /** Runs until `stop`. `nextAt`: Unix ms of the next thing known to fall due. `until`: monotonic ms of the first wait to end. */
  start(nextAt: number | null, until: number): void;
  stop(): void;
  close(): void;
}

export interface WakeOptions {
  readonly db: DatabaseSync;
  /** The -wal file, which every commit writes. */
  readonly wal: string;
  readonly now: () => number;
  readonly pollMs: number;
  readonly look: () => void;
  /** The first wait may be over. */
  readonly over: () => void;
  readonly failed: (error: unknown) => void;
}

/** Looked at least this often, so that no clock step and no missed sign can strand a job. */
const LOOK_MS = 500;
/** A write to the -wal file is seen before its commit is: that takes a sync to disk. */
const RESTLESS_MS = 1_000;

/**
 * `data_version` changes whenever another connection commits. Reading it costs little, but waking a process up fifty
 * times a second to do so costs over a percent of a core; so a write to the file wakes us, where the system can tell.
 */
export function createWake({ db, wal, now, pollMs, look, over, failed }: WakeOptions): Wake {
  const dataVersion = prepare(db, "PRAGMA data_version");
  let running = false;
  let timer: NodeJS.Timeout | undefined;
  let ringsAt = Infinity;
  let nextAt: number | null = null;
  let until = Infinity;
  let version: unknown;
  let lookAt = 0;
  /** Polling is dense after a write, then sparse. */
  let restlessUntil = 0;
  let paceMs = pollMs;
  const writes = watchWrites(wal, () => {
    restlessUntil = performance.now() + RESTLESS_MS;
    paceMs = 1;
    if (running) arm();
  });

  function arm(): void {
    const at = performance.now();
    const pollIn = at < restlessUntil || !writes.reliable() ? paceMs : LOOK_MS;
    const dueIn = nextAt === null ? Infinity : Math.max(nextAt - now(), 0);
    const ring = Math.min(at + pollIn, at + dueIn, until);
    if (timer !== undefined && ring >= ringsAt) return;
    clearTimeout(timer);
    ringsAt = ring;
    // Timers may ring a fraction early, so round up.
    timer = setTimeout(tick, Math.max(Math.ceil(ring - at), 1));
  }

  function tick(): void {
    timer = undefined;
    paceMs = Math.min(paceMs * 2, pollMs);
    try {
      if (sign()) look();
    } catch (thrown) {
      if (!isBusy(thrown)) return failed(thrown);
    }
    if (performance.now() >= until) {
      until = Infinity;
      over();
    }
    if (running) arm();
  }

  function sign(): boolean {
    const at = performance.now();
    const seen = dataVersion.get()?.["data_version"];
    const changed = seen !== version;
    if (changed) writes.happened();
    if (!changed && at < lookAt && (nextAt === null || nextAt > now())) return false;
    version = seen;
    lookAt = at + LOOK_MS;
    // The look finds out what is due next.
    nextAt = null;
    return true;
  }

  return {
    start(dueAt, waitUntil) {
      running = true;
      nextAt = dueAt;
      until = waitUntil;
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
