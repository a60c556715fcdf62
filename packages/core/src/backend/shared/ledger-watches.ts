import type { LedgerChange, LedgerWatch } from "../ledger.ts";

/** The watches of one connection, by key. */
export interface LedgerWatches {
  /** `Ledger.watch`. */
  watch(key: string, changed: () => void): LedgerWatch;
  /** Calls the watches of this key; without a key, every watch. */
  changed(key?: string): void;
  /** Whether the key is watched. Never throws. */
  has(key: string): boolean;
  /** Returns the keys that are watched. Never throws. */
  keys(): Iterable<string>;
  /** How many keys are watched. */
  readonly size: number;
}

/** What a backend says of its notifications, and does for the watches of a key. */
export interface LedgerWatchSource {
  /** Whether changes of the key are reported now. */
  isReporting(key: string): boolean;
  /** The first watch of the key has begun. */
  began?(key: string): void;
  /** The last watch of the key has ended. */
  ended?(key: string): void;
}

/** Keeps the watches of a ledger. The ledger calls `changed` for each key that was written, and once it begins to report. Never throws. */
export function createLedgerWatches({ isReporting, began, ended }: LedgerWatchSource): LedgerWatches {
  const all = new Map<string, Set<() => void>>();

  return {
    watch(key, changed) {
      // A set of calls: the same function may be given twice.
      const call = (): void => changed();
      const known = all.get(key) ?? new Set();
      known.add(call);
      all.set(key, known);
      if (known.size === 1) began?.(key);
      // What changed before this moment was not reported.
      if (isReporting(key)) call();
      return {
        isReporting: () => isReporting(key),
        end() {
          if (!known.delete(call) || known.size > 0) return;
          all.delete(key);
          ended?.(key);
        },
      };
    },
    changed(key) {
      const called = key === undefined ? [...all.values()].flatMap((calls) => [...calls]) : [...(all.get(key) ?? [])];
      for (const call of called) call();
    },
    has: (key) => all.has(key),
    keys: () => all.keys(),
    get size() {
      return all.size;
    },
  };
}

/** Returns the keys whose watches these changes call. Never throws. */
export function notifiedKeys(changes: readonly LedgerChange[]): string[] {
  return changes.filter(({ notify, value }) => notify === true && value !== null).map(({ key }) => key);
}
