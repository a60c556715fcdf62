import type { Ledger } from "../../backend/ledger.ts";
import type { RecordStore } from "../../backend/record-store.ts";
import { wallMs } from "../../time/clock.ts";
import { ledgerKey } from "../ledger-key.ts";
import type { RecordSettings } from "./record-options.ts";

export interface RetentionSettings extends Pick<RecordSettings, "keepMs" | "most" | "search"> {
  readonly store: Pick<RecordStore, "prune" | "indexTexts">;
  /** Null: every worker prunes. */
  readonly ledger: Ledger | null;
  readonly everyMs: number;
}

/** Removes old records while any worker of this process runs, and has texts indexed if that is wanted. */
export interface Retention {
  begin(): void;
  end(): void;
}

/** Where it is kept from when on jobs have records, for `why`. */
export const KEPT_SINCE: string = ledgerKey("records", "kept");
const FIRST_MS = 1_000;
/** So that no statement takes long. */
const STEP = 500;

/** Of all workers of a store, one prunes in each interval: the one that takes the key of the ledger. */
export function createRetention({ store, ledger, keepMs, most, search, everyMs }: RetentionSettings): Retention {
  const key = ledgerKey("records", "prune");
  let timer: NodeJS.Timeout | undefined;
  let first: NodeJS.Timeout | undefined;
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
      if (before !== null)
        await ledger?.commit([{ key: KEPT_SINCE, ifVersion: "any", value: JSON.stringify({ before }) }]);
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
      if (search && !isRunning()) store.indexTexts?.().catch(() => undefined);
      timer ??= setInterval(() => void prune(), everyMs).unref();
      // A worker may not run for a whole interval.
      first ??= setTimeout(() => void prune(), Math.min(everyMs, FIRST_MS)).unref();
    },
    end() {
      clearInterval(timer);
      clearTimeout(first);
      timer = undefined;
      first = undefined;
    },
  };
}
