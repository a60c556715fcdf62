import type { Backend, Result } from "./contract.ts";
import { withTimeout } from "../time/time-limit.ts";
import { plain } from "./backend-errors.ts";
import { Gather } from "./gather.ts";
import { createGatheredCommits, type GatheredCommitsLimits } from "./gathered-commits.ts";
import { keptAlive } from "./keep-alive.ts";
import { type Ledger, ledgerOf, type LedgerRecord } from "./ledger.ts";
import { assertLedgerChanges, assertLedgerKeys, MOST_LEDGER_ITEMS } from "./shared/ledger-checks.ts";

/** The ledger as core calls it. */
export interface LedgerSeam {
  /**
   * Each call rejects within `timeoutMs`, with an error of ours. Reads of one turn of the event loop share one call, and so do
   * commits; commits that change the same key keep their order.
   */
  readonly ledger: Ledger;
  /** Resolves when every gathered call has returned. */
  whenIdle(): Promise<void>;
}

/** The ledger of the backend itself, which closes with it; undefined where it has none. */
export function ownLedgerSeam(
  backend: Backend,
  timeoutMs: number,
): (LedgerSeam & { close(): Promise<void> }) | undefined {
  const own = ledgerOf(backend);
  if (own === null) return undefined;
  const { maxInFlight } = backend.capabilities;
  return { ...createLedgerSeam(own, { timeoutMs, maxInFlight }), close: async () => undefined };
}

type Read = readonly (LedgerRecord | null)[];

export function createLedgerSeam(ledger: Ledger, limits: GatheredCommitsLimits): LedgerSeam {
  const { timeoutMs, maxInFlight } = limits;
  const { watch } = ledger;
  const prompt = <T>(work: Promise<T>): Promise<T> => withTimeout(plain(work), timeoutMs);
  const commits = createGatheredCommits((changes) => ledger.commit(changes), limits);
  // What is limited here are the keys of a call, not their bytes.
  const reads = new Gather<readonly string[], Read>(
    (lists) => plain(readTogether(ledger, lists)),
    { maxBatch: MOST_LEDGER_ITEMS, maxBytes: MOST_LEDGER_ITEMS, maxInFlight, timeoutMs },
    (keys) => keys.length,
  );

  return {
    ledger: {
      async read(keys) {
        // Checked by itself, so that a wrong key fails no call that it would have shared.
        assertLedgerKeys(keys);
        return keys.length === 0 ? [] : [...(await reads.add([...keys]))];
      },
      async commit(changes) {
        assertLedgerChanges(changes);
        return changes.length === 0 ? { ok: true, versions: [] } : keptAlive(commits.add([...changes]));
      },
      list: (range) => prompt(ledger.list(range)),
      due: (range) => prompt(ledger.due(range)),
      ...(watch && { watch }),
    },
    async whenIdle() {
      await Promise.all([reads.whenIdle(), commits.whenIdle()]);
    },
  };
}

async function readTogether(ledger: Ledger, lists: readonly (readonly string[])[]): Promise<Result<Read>[]> {
  const keys = [...new Set(lists.flat())];
  const records = await ledger.read(keys);
  const byKey = new Map(keys.map((key, at) => [key, records[at] ?? null]));
  return lists.map((list) => ({ ok: true, value: list.map((key) => byKey.get(key) ?? null) }));
}
