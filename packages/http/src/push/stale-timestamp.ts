import { forbidden, type PushRefused } from "./push-refused.ts";

const REMEDY =
  'Compare both clocks with a time server ("timedatectl", "chronyc tracking"), and set the one that is wrong';

/**
 * Returns the refusal of a request whose timestamp `name` is too far from the clock of this machine. `aheadMs` is negative for one
 * in the past. The message, which only our own log has, names the difference, which one of the two clocks may be wrong, and what is
 * allowed: `allowedMs`, by `setting`.
 */
export function staleTimestamp(name: string, aheadMs: number, allowedMs: number, setting: string): PushRefused {
  return forbidden(`its ${name} is stale: it is ${differenceText(aheadMs, allowedMs, setting)}`);
}

/** What is said of a timestamp, or of the end of a token, that is `aheadMs` ahead of the clock of this machine. */
export function differenceText(aheadMs: number, allowedMs: number, setting: string): string {
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  const allowed = `${setting} allows ${Math.round(allowedMs / 1_000)} s`;
  if (aheadMs > 0) {
    return `${seconds} s ahead of this machine's clock, and ${allowed}. The sender's clock is ahead, or this one is behind. ${REMEDY}`;
  }
  return `${seconds} s behind this machine's clock, and ${allowed}. The request is old or was sent again, or the sender's clock is behind, or this one is ahead. ${REMEDY}`;
}
