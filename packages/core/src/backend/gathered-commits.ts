import { WaybillError } from "../errors.ts";
import { withTimeout } from "../time/time-limit.ts";
import { asUnavailable } from "./as-unavailable.ts";
import { plain } from "./backend-errors.ts";
import type { Ledger, LedgerChange, LedgerCommit } from "./ledger.ts";
import { MOST_LEDGER_ITEMS } from "./shared/ledger-checks.ts";

/** Commits of several callers, made in shared calls. */
export interface GatheredCommits {
  /** Makes these changes or none, as `Ledger.commit` does. Rejects `BACKEND_UNAVAILABLE` after `timeoutMs`. */
  add(changes: readonly LedgerChange[]): Promise<LedgerCommit>;
  /** Resolves when no commit waits and no call is open. */
  whenIdle(): Promise<void>;
}

export interface GatheredCommitsLimits {
  readonly timeoutMs: number;
  /** Most calls at a time. */
  readonly maxInFlight: number;
}

/** Most characters of all values in one call, unless one commit alone has more. */
const MOST_CHARACTERS = 1_048_576;

interface Entry {
  readonly changes: readonly LedgerChange[];
  readonly resolve: (commit: LedgerCommit) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Gathers the commits of one turn of the event loop into one call. Commits that change the same key are made one after the
 * other, in the order they were added, so that none of them fails another by being in the same call. A commit with a conflict
 * is reported by itself; those that shared its call are made without it.
 */
export function createGatheredCommits(
  commit: Ledger["commit"],
  { timeoutMs, maxInFlight }: GatheredCommitsLimits,
): GatheredCommits {
  let waiting: Entry[] = [];
  /** Keys of the open calls. */
  const busy = new Set<string>();
  let inFlight = 0;
  let isScheduled = false;
  const idle: (() => void)[] = [];

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      flush();
    });
  }

  function flush(): void {
    while (inFlight < maxInFlight && waiting.length > 0) {
      const entries = take();
      if (entries.length === 0) return;
      void call(entries);
    }
  }

  /** Removes the entries of the next call. One whose key is changed by an open call, or by an earlier entry, stays. */
  function take(): Entry[] {
    const taken: Entry[] = [];
    const left: Entry[] = [];
    const blocked = new Set<string>();
    let [count, characters, isFull] = [0, 0, false];
    for (const entry of waiting) {
      const size = entry.changes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      isFull ||= taken.length > 0 && count + entry.changes.length > MOST_LEDGER_ITEMS;
      isFull ||= taken.length > 0 && characters + size > MOST_CHARACTERS;
      if (isFull || entry.changes.some(({ key }) => busy.has(key) || blocked.has(key))) {
        left.push(entry);
        for (const { key } of entry.changes) blocked.add(key);
        continue;
      }
      taken.push(entry);
      for (const { key } of entry.changes) busy.add(key);
      count += entry.changes.length;
      characters += size;
    }
    waiting = left;
    return taken;
  }

  async function call(entries: readonly Entry[]): Promise<void> {
    inFlight += 1;
    try {
      await make(entries);
    } finally {
      inFlight -= 1;
      for (const { changes } of entries) for (const { key } of changes) busy.delete(key);
      flush();
      if (inFlight === 0 && waiting.length === 0) for (const resolve of idle.splice(0)) resolve();
    }
  }

  /** Makes the commits, without those that have a conflict. Never rejects. */
  async function make(entries: readonly Entry[]): Promise<void> {
    let left = entries;
    try {
      while (left.length > 0) {
        const changes = left.flatMap((entry) => entry.changes);
        const result = await withTimeout(plain(commit(changes)), timeoutMs);
        if (result.ok) return share(left, result.versions);
        left = withoutConflicts(left, new Set(result.conflicts));
      }
    } catch (thrown) {
      const error = asUnavailable(thrown);
      for (const { reject } of left) reject(error);
    }
  }

  async function add(changes: readonly LedgerChange[]): Promise<LedgerCommit> {
    let own: Entry | undefined;
    const made = new Promise<LedgerCommit>((resolve, reject) => {
      own = { changes, resolve, reject };
      waiting.push(own);
    });
    schedule();
    try {
      return await withTimeout(made, timeoutMs);
    } finally {
      // After a timeout it may still wait behind a call that does not return; it must not be made later.
      if (waiting.length > 0) waiting = waiting.filter((entry) => entry !== own);
    }
  }

  return {
    add,
    whenIdle: () =>
      inFlight === 0 && waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve)),
  };
}

/** Resolves each entry to its part of the versions. */
function share(entries: readonly Entry[], versions: readonly number[]): void {
  let from = 0;
  for (const { changes, resolve } of entries) {
    resolve({ ok: true, versions: versions.slice(from, from + changes.length) });
    from += changes.length;
  }
}

/** Resolves the entries that have a conflict to it, and returns the others. */
function withoutConflicts(entries: readonly Entry[], conflicts: ReadonlySet<string>): Entry[] {
  const left = entries.filter(({ changes, resolve }) => {
    const own = changes.map(({ key }) => key).filter((key) => conflicts.has(key));
    if (own.length > 0) resolve({ ok: false, conflicts: own });
    return own.length === 0;
  });
  if (left.length < entries.length) return left;
  throw new WaybillError("BACKEND_UNAVAILABLE", "the ledger refused a commit and named none of its keys");
}
