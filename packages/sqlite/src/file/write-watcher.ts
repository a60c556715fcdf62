import { type FSWatcher, watch } from "node:fs";

/** Reports writes to a file, where the operating system reports them. */
export interface WriteWatcher {
  /** False once the system has failed to report writes. It is then not used again. */
  isReliable(): boolean;
  /** Counts a write that was found by other means. The system should have reported it. */
  foundWrite(): void;
  close(): void;
}

/** How many writes in a row may go unreported: one may be found just before its report arrives. */
const TOLERATED = 2;

/** Calls `wrote` after each reported write. Does not keep the process alive. */
export function createWriteWatcher(file: string, wrote: () => void): WriteWatcher {
  let watcher: FSWatcher | null = null;
  let wasReported = true;
  let unreported = 0;

  function close(): void {
    watcher?.close();
    watcher = null;
  }

  try {
    watcher = watch(file, { persistent: false }, () => {
      wasReported = true;
      wrote();
    });
    watcher.on("error", close);
  } catch {
    // The system's watches are used up, or this file system has none: waiting workers must poll.
    close();
  }

  return {
    isReliable: () => watcher !== null,
    foundWrite() {
      unreported = wasReported ? 0 : unreported + 1;
      wasReported = false;
      if (unreported > TOLERATED) close();
    },
    close,
  };
}
