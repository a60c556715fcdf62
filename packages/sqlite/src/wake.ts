import type { DatabaseSync } from "node:sqlite";

/** Tells those who wait when to look: another process wrote, a known time came, or a while has passed. */
export interface Wake {
  /** Runs until `stop`. `nextAt`: Unix ms of the next thing known to fall due. `until`: monotonic ms of the first wait to end. */
  start(nextAt: number | null, until: number): void;
  stop(): void;
}

export interface WakeCalls {
  look(): void;
  /** The first wait may be over. */
  over(): void;
  failed(error: unknown): void;
}

/** Looked at least this often, so that no clock step and no missed sign can strand a job. */
const LOOK_MS = 500;

/** `data_version` changes whenever another connection commits, and reading it costs microseconds. */
export function createWake(db: DatabaseSync, now: () => number, pollMs: number, calls: WakeCalls): Wake {
  const dataVersion = db.prepare("PRAGMA data_version");
  let timer: NodeJS.Timeout | undefined;
  let ringsAt = Infinity;
  let nextAt: number | null = null;
  let until = Infinity;
  let version: unknown;
  let lookAt = 0;
  let running = false;

  /** Monotonic. Timers may ring a fraction early, so times are rounded up. */
  const nextRing = (): number => {
    const at = performance.now();
    const due = nextAt === null ? Infinity : at + Math.max(nextAt - now(), 0);
    return Math.min(at + pollMs, until, due);
  };

  function arm(): void {
    const ring = nextRing();
    if (timer !== undefined && ring >= ringsAt) return;
    clearTimeout(timer);
    ringsAt = ring;
    timer = setTimeout(tick, Math.max(Math.ceil(ring - performance.now()), 1));
  }

  function tick(): void {
    timer = undefined;
    try {
      if (sign()) calls.look();
    } catch (thrown) {
      calls.failed(thrown);
      return;
    }
    if (performance.now() >= until) {
      until = Infinity;
      calls.over();
    }
    if (running) arm();
  }

  function sign(): boolean {
    const at = performance.now();
    const seen = dataVersion.get()?.["data_version"];
    const due = nextAt !== null && nextAt <= now();
    if (seen === version && !due && at < lookAt) return false;
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
  };
}
