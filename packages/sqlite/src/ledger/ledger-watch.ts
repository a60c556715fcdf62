import type { DatabaseSync } from "node:sqlite";
import { createLedgerWatches, type LedgerWatches } from "@waybill/core/backend";
import { prepare } from "../sql/statement.ts";

/** The watches of the ledger. They look for commits of other connections while there are any. */
export interface FileWatches extends Pick<LedgerWatches, "watch" | "changed"> {
  /** Ends the looks and wakes every watch a last time. */
  close(): void;
}

/** One look takes some microseconds. */
const LOOK_MS = 20;

/** `data_version` changes with every commit of another connection, whichever key was written. */
export function createFileWatches(db: DatabaseSync): FileWatches {
  const dataVersion = prepare(db, "PRAGMA data_version");
  let timer: NodeJS.Timeout | null = null;
  let version: unknown = null;
  const watches = createLedgerWatches({
    isReporting: () => timer !== null,
    began: () => {
      timer ??= setInterval(look, LOOK_MS).unref();
    },
    ended() {
      if (watches.size === 0) stop();
    },
  });

  function look(): void {
    let seen: unknown;
    try {
      seen = dataVersion.get()?.["data_version"];
    } catch {
      // The read that follows has the same fault, and reports it.
      return;
    }
    if (seen === version) return;
    version = seen;
    watches.changed();
  }

  function stop(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  return {
    watch: watches.watch,
    changed: watches.changed,
    close() {
      stop();
      watches.changed();
    },
  };
}
