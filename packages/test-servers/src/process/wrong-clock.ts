import { readdirSync } from "node:fs";
import { join } from "node:path";

const LIBRARIES = "/usr/lib";

/**
 * Returns the environment of a process whose clock is wrong by as much, such as "+1h" or "-1h". Its monotonic clock and its timers
 * are right, as on a machine whose clock was set. By Debian's package faketime; throws where that is not installed.
 */
export const wrongClock = (by: string): Record<string, string> => ({ ...fakedClock(), FAKETIME: by });

/**
 * Returns the environment of a process whose clock is set while it runs: it is wrong by what the file says at that time, such as "+0"
 * or "+1h". Otherwise as `wrongClock`.
 */
export const settableClock = (file: string): Record<string, string> => ({
  ...fakedClock(),
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_NO_CACHE: "1",
});

function fakedClock(): Record<string, string> {
  const folder = readdirSync(LIBRARIES)
    .map((machine) => join(LIBRARIES, machine, "faketime"))
    .find((path) => hasLibrary(path));
  if (folder === undefined) throw new Error("there is no libfaketime; as root on Debian, run: npm run needs");
  return { LD_PRELOAD: join(folder, LIBRARY), DONT_FAKE_MONOTONIC: "1" };
}

/** For programs with several threads. */
const LIBRARY = "libfaketimeMT.so.1";

function hasLibrary(folder: string): boolean {
  try {
    return readdirSync(folder).includes(LIBRARY);
  } catch {
    return false;
  }
}
