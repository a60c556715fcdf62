import { createLedgerWatches, type LedgerWatches } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";

/** The watches of the ledger, over a connection that there is only while something is watched. */
export interface LedgerNotifier {
  readonly watches: LedgerWatches;
  /** Closes the connection and wakes every watch a last time. */
  close(): void;
}

/** The connection stays open for this long after the last watch, since another often follows. */
const IDLE_MS = 5_000;

/** `channelOf` returns what the script that commits publishes to. `connect` opens a connection, which reconnects by itself. */
export function createLedgerNotifier(channelOf: (key: string) => string, connect: () => Client): LedgerNotifier {
  let client: Client | null = null;
  let idle: NodeJS.Timeout | undefined;
  const keyOf = new Map<string, string>();
  const reporting = new Set<string>();
  const watches = createLedgerWatches({
    isReporting: (key) => reporting.has(key),
    began(key) {
      clearTimeout(idle);
      keyOf.set(channelOf(key), key);
      client ??= open();
      void subscribe(client, key);
    },
    ended(key) {
      reporting.delete(key);
      keyOf.delete(channelOf(key));
      client?.unsubscribe(channelOf(key)).catch(() => undefined);
      if (watches.size === 0) idle = setTimeout(disconnect, IDLE_MS).unref();
    },
  });

  function open(): Client {
    const opened = connect();
    // Also after a reconnect. Before the connection is ready a subscription is refused.
    opened.on("ready", () => {
      for (const key of watches.keys()) void subscribe(opened, key);
    });
    opened.on("close", () => {
      if (opened === client) reporting.clear();
    });
    opened.on("message", (channel: string) => {
      const key = keyOf.get(channel);
      if (key !== undefined) watches.changed(key);
    });
    return opened;
  }

  /** Never rejects: without the right to subscribe, nothing is reported. */
  async function subscribe(to: Client, key: string): Promise<void> {
    try {
      await to.subscribe(channelOf(key));
    } catch {
      return;
    }
    if (to !== client || !watches.has(key)) return;
    reporting.add(key);
    // What changed before this moment was not reported.
    watches.changed(key);
  }

  function disconnect(): void {
    client?.disconnect();
    client = null;
    reporting.clear();
  }

  return {
    watches,
    close() {
      clearTimeout(idle);
      disconnect();
      watches.changed();
    },
  };
}
