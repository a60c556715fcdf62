import { monotonicMs, wallMs } from "../time/clock.ts";
import type { Finding } from "./doctor.ts";

/** A difference of less delays or hastens a job by less than a worker's own rounds. */
const NOTICED_MS = 1_000;
const HARMFUL_MS = 5_000;

/**
 * Compares the clock of a server with that of this machine. `read` returns the server's time in Unix milliseconds. What the
 * call itself took is not counted. `effect` says what a difference does: "a delay ends late or early by as much".
 * Rejects with the error of `read`.
 */
export async function clockFinding(check: string, effect: string, read: () => Promise<number>): Promise<Finding> {
  const [sentAt, began] = [wallMs(), monotonicMs()];
  const there = await read();
  const halfMs = (monotonicMs() - began) / 2;
  const aheadMs = there - (sentAt + halfMs);
  const certainMs = Math.max(0, Math.abs(aheadMs) - halfMs);
  if (certainMs < NOTICED_MS) {
    return { check, severity: "ok", message: "the server's clock agrees with this machine's", remedy: null };
  }
  const seconds = (Math.abs(aheadMs) / 1_000).toFixed(1);
  return {
    check,
    severity: certainMs < HARMFUL_MS ? "note" : "warning",
    message: `the server's clock is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} this machine's: ${effect}`,
    remedy: "synchronise both clocks by NTP: chronyc tracking, or timedatectl",
  };
}
