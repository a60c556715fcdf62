import { wallMs } from "../../time/clock.ts";
import type { FoundSchedule } from "./schedule-state.ts";

/** Clocks that differ by less count as equal. */
const TOLERANCE_MS = 60_000;

/**
 * Returns the time for decisions about a schedule, in Unix milliseconds. That is the clock of this process, unless the store's clock
 * has moved otherwise since the schedule was written: a clock that was set by an hour on one host makes no tick early or late.
 */
export function nowFor({ state: { dueAt }, record: { dueInMs } }: FoundSchedule): number {
  const wall = wallMs();
  if (dueAt === null || dueInMs === null) return wall;
  const byStore = dueAt - dueInMs;
  const now = Math.abs(wall - byStore) <= TOLERANCE_MS ? wall : byStore;
  // What the store says is due is due.
  return dueInMs <= 0 ? Math.max(now, dueAt) : now;
}

/** Whether the clock of this process and that of the store disagree about a schedule. */
export function clocksDisagree(found: FoundSchedule): boolean {
  return Math.abs(nowFor(found) - wallMs()) > TOLERANCE_MS;
}
