import type { Ledger } from "../backend/ledger.ts";
import type { Connection } from "../connect/connect.ts";
import type { Schedule } from "../features/schedules/define-schedule.ts";
import { allRecords } from "../features/all-records.ts";
import { SCHEDULES } from "../features/schedules/schedule-state.ts";

/** The schedules of test jobs, fired when a test drains or moves the clock. */
export interface TestSchedules {
  /** Fires what is due, and declares the schedules before the first time. Returns whether anything was due. */
  fire(): Promise<boolean>;
  /** Returns the milliseconds until a schedule is due; null when none will be. */
  nextInMs(): Promise<number | null>;
}

/** The declarations of a test last as long as its clock may be moved. */
const FOREVER_MS = 1_000 * 365 * 86_400_000;

/** Throws `CAPABILITY_MISSING` for schedules on a backend that has no ledger. */
export function createTestSchedules(
  { scheduling, ledger }: Pick<Connection, "scheduling" | "ledger">,
  schedules: readonly Schedule[],
): TestSchedules {
  const scheduler = scheduling.forWorker("test", schedules, FOREVER_MS / 3);
  let declaring: Promise<void> | null = null;
  const declare = (): Promise<void> => (declaring ??= scheduler?.declare() ?? Promise.resolve());

  return {
    async fire() {
      if (scheduler === null) return false;
      await declare();
      return (await scheduler.round()).due > 0;
    },
    async nextInMs() {
      if (ledger === null) return null;
      await declare();
      return nextOf(ledger);
    },
  };
}

async function nextOf(ledger: Ledger): Promise<number | null> {
  let next = Infinity;
  for await (const { dueInMs } of allRecords(ledger, SCHEDULES)) next = Math.min(next, dueInMs ?? Infinity);
  return next === Infinity ? null : next;
}
