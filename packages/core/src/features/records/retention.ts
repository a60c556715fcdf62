import type { Ledger } from "../../backend/ledger.ts";
import type { RecordStore } from "../../backend/record-store.ts";
import { wallMs } from "../../time/clock.ts";
import { ledgerKey } from "../ledger-key.ts";
import type { RecordSettings } from "./record-options.ts";

export interface RetentionSettings extends Pick<RecordSettings, "keepMs" | "most"> {
  readonly store: Pick<RecordStore, "prune">;
  /** Null: every worker prunes. */
  readonly ledger: Ledger | null;
  readonly everyMs: number;
}

/** Removes old records while any worker of this process runs. */
export interface Retention {
  begin(): void;
  end(): void;
}

/** So that no statement takes long. */
const STEP = 500;

/** Of all workers of a store, one prunes in each interval: the one that takes the key of the ledger. */
export function createRetention({ store, ledger, keepMs, most, everyMs }: RetentionSettings): Retention {
  const key = ledgerKey("records", "prune");
  let timer: NodeJS.Timeout | undefined;
  let isPruning = false;
  const isRunning = (): boolean => timer !== undefined;

  async function isTaken(): Promise<boolean> {
    if (ledger === null) return false;
    const taken = {
      key,
      ifVersion: "absent",
      value: "{}",
      expiresInMs: Math.max(1, Math.round(everyMs * 0.8)),
    } as const;
    return !(await ledger.commit([taken])).ok;
  }

  async function prune(): Promise<void> {
    if (isPruning) return;
    isPruning = true;
    try {
      if (await isTaken()) return;
      const before = keepMs === null ? null : wallMs() - keepMs;
      let removed: number;
      do removed = await store.prune({ before, most, limit: STEP });
      while (removed === STEP && isRunning());
    } catch {
      // The store is away: writing reports it, and the next round tries again.
    } finally {
      isPruning = false;
    }
  }

  return {
    begin() {
      timer ??= setInterval(() => void prune(), everyMs).unref();
    },
    end() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
