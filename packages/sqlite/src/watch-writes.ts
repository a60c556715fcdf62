import { type FSWatcher, watch } from "node:fs";

/** Tells when a file is written, where the system can. */
export interface WriteWatch {
  /** False where the system does not tell, or has failed to; it is then not asked again. */
  reliable(): boolean;
  /** A write has been found by other means: the system ought to have told of it. */
  happened(): void;
  close(): void;
}

/** So many writes in a row may go untold: one may be found just before its sign arrives. */
const TOLERATED = 2;

/** Does not keep the process alive. */
export function watchWrites(file: string, wrote: () => void): WriteWatch {
  let watcher: FSWatcher | null = null;
  let told = true;
  let untold = 0;

  function close(): void {
    watcher?.close();
    watcher = null;
  }

  try {
    watcher = watch(file, { persistent: false }, () => {
      told = true;
      wrote();
    });
    watcher.on("error", close);
  } catch {
    // No watch left, or a file system without: then whoever waits must poll.
    close();
  }

  return {
    reliable: () => watcher !== null,
    happened() {
      untold = told ? 0 : untold + 1;
      told = false;
      if (untold > TOLERATED) close();
    },
    close,
  };
}
