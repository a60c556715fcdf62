import { createLedgerWatches, type LedgerWatches } from "@waybill/core/backend";
import type { Listener } from "../connection/listener.ts";
import { arrayLiteral, type Query } from "../connection/query.ts";

/** The watches of the ledger, and the notifications by which those of other processes are called. */
export interface LedgerNotifier {
  readonly watches: LedgerWatches;
  /** Notifies of these keys, after the statement that wrote them has succeeded. */
  notify(keys: readonly string[]): void;
  /** Sends what is left, and wakes every watch a last time. */
  close(): void;
}

/**
 * All notifying commits of a server share one lock. So a commit of records does not notify: a statement of its own does, which
 * writes nothing, and of one process at most once in this time.
 */
const PAUSE_MS = 10;

/** Listens on `channel` only while something is watched, on the connection that listens anyway. `listener` returns null where nothing arrives. */
export function createLedgerNotifier(query: Query, channel: string, listener: () => Listener | null): LedgerNotifier {
  const unsent = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  const watches = createLedgerWatches({
    isReporting: () => listener()?.isSubscribed(channel) ?? false,
    began() {
      if (watches.size === 1) listener()?.subscribe(channel, () => watches.changed());
    },
    ended() {
      if (watches.size === 0) listener()?.unsubscribe(channel);
    },
  });

  function send(): void {
    timer = null;
    if (unsent.size === 0) return;
    const keys = [...unsent];
    unsent.clear();
    timer = setTimeout(send, PAUSE_MS).unref();
    // What is lost is found by the reads that a watch goes on with.
    query("SELECT pg_catalog.pg_notify($1::text, key) FROM pg_catalog.unnest($2::text::text[]) AS key", [
      channel,
      arrayLiteral(keys),
    ]).catch(() => undefined);
  }

  return {
    watches,
    notify(keys) {
      for (const key of keys) unsent.add(key);
      if (timer === null) send();
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      send();
      if (timer !== null) clearTimeout(timer);
      watches.changed();
    },
  };
}
