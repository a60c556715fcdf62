import type { Doctor } from "../../backend/doctor.ts";
import type { Inspector, QueueCounts } from "../../backend/inspector.ts";
import type { LiveWorker } from "../../backend/live-worker.ts";
import { withTimeout } from "../../time/time-limit.ts";

/** Longest wait for the backend. Prometheus ends a scrape after 10 s by default; this process's counters must arrive by then. */
const LOOK_MS = 3_000;

/** What a scrape asks the backend for. */
export interface Asked {
  readonly inspector: Inspector | null;
  readonly workers: () => Promise<LiveWorker[]>;
  readonly doctor: Doctor | null;
}

/** What the backend said. Null: it cannot say, or did not in time. */
export interface Look {
  readonly counts: readonly QueueCounts[] | null;
  readonly workers: readonly LiveWorker[] | null;
  readonly memory: { readonly usedBytes: number; readonly limitBytes: number | null } | null;
}

/** Asks the backend, for at most 3 s. Never rejects. Callers that ask at the same time share one look. */
export function looker({ inspector, workers, doctor }: Asked): () => Promise<Look> {
  const within = <T>(ask: () => Promise<T>): Promise<T | null> => withTimeout(begun(ask), LOOK_MS).catch(() => null);
  let looking: Promise<Look> | null = null;

  async function look(): Promise<Look> {
    const [counts, live, memory] = await Promise.all([
      inspector === null ? null : within(() => inspector.counts()),
      within(workers),
      doctor?.memory === undefined ? null : within(doctor.memory),
    ]);
    return { counts, workers: live, memory };
  }

  return () => (looking ??= look().finally(() => (looking = null)));
}

const begun = async <T>(ask: () => Promise<T>): Promise<T> => ask();
