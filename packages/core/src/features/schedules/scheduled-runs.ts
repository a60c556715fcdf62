import type { Lease } from "../../backend/contract.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { completed, type Outcome, release } from "../../job/outcome.ts";
import { pause } from "../../time/pause.ts";
import { member } from "../../values/any-value.ts";
import { describeError, errorCode } from "../../values/thrown.ts";
import { foundSchedule, scheduleKey, type ScheduleState, withoutReserved } from "./schedule-state.ts";
import { updateByName } from "./scheduler.ts";

/** A leased job, as far as its schedule needs it. */
interface LeasedJob {
  readonly lease: Lease;
  readonly isLost: boolean;
  readonly hasExpired: boolean;
}

/** One delivery of a job that a schedule made. */
export interface ScheduledRun {
  /**
   * Calls `run`, unless the job has completed already: then it is settled without a second run. Before it runs, the reservation of
   * its tick has ended: if the scheduler died after it stored the job, no other stores it again beside this run. While the ledger
   * is unavailable the job is released. Never rejects, as `run` never does.
   */
  execute(run: () => Promise<Outcome>): Promise<Outcome>;
  /** Records that the job has ended. Call it before the lease is settled. Never rejects. */
  ended(job: LeasedJob, outcome: Outcome): Promise<void>;
}

/** Finds the jobs that schedules made. Every other job passes without a call of the ledger. */
export interface ScheduledRuns {
  /** Null for a job that no schedule made. */
  of(lease: Lease): ScheduledRun | null;
}

const LEDGER_AWAY_MS = 1_000;
/** After so many tries the job is settled although its end is not recorded. The schedule finds out by itself that its job is gone. */
const MOST_TRIES = 10;

/**
 * Records for schedules the ends of their jobs. The end is recorded before the lease is settled: a worker that dies between the two
 * leaves a job that is delivered again, is found to have completed, and is settled without a second run. `changed` is called after
 * each record.
 */
export function createScheduledRuns(ledger: Ledger, changed: () => void): ScheduledRuns {
  /** Returns false for a job that has completed. Otherwise ends the reservation of its tick, where there still is one: the job may run. */
  async function enter(name: string, id: string): Promise<boolean> {
    const [record = null] = await ledger.read([scheduleKey(name)]);
    const state = record && foundSchedule(record)?.state;
    if (!state) return true;
    if (state.done.some((one) => one.id === id)) return false;
    const ids = new Set([id]);
    if (withoutReserved(state, ids) !== null) {
      await updateByName(ledger, name, (current, now) => {
        const next = withoutReserved(current, ids);
        return next && { state: next, now };
      });
    }
    return true;
  }

  function runOf(name: string, id: string): ScheduledRun {
    return {
      async execute(run) {
        try {
          if (!(await enter(name, id))) return completed;
        } catch (thrown) {
          const message = `the ledger of schedule "${name}" is unavailable: ${describeError(thrown)}`;
          return release(LEDGER_AWAY_MS, errorCode(thrown), message);
        }
        return run();
      },
      async ended(job, outcome) {
        if (outcome.kind !== "completed" && outcome.kind !== "dead") return;
        // A dead letter may be replayed, and then runs again under its id.
        const isDone = outcome.kind === "completed" || !outcome.kept;
        for (let tries = 0; tries < MOST_TRIES && !job.isLost && !job.hasExpired; tries++) {
          try {
            await updateByName(ledger, name, (state, now) => ({ state: afterEnd(state, id, isDone, now), now }));
            return changed();
          } catch {
            await pause(LEDGER_AWAY_MS);
          }
        }
      },
    };
  }

  return {
    of(lease) {
      const name = scheduleOf(lease);
      return name === null ? null : runOf(name, lease.id);
    },
  };
}

/** Returns the schedule that made a job; null for every other job. Reads the body only where it can have the mark. */
function scheduleOf({ id, body }: Lease): string | null {
  // Ids of ticks are derived, and so have version 8.
  if (id.charAt(14) !== "8" || !body.includes('"schedule":{"name":')) return null;
  try {
    const name = member(member(member(JSON.parse(body), "meta"), "schedule"), "name");
    return typeof name === "string" && name !== "" ? name : null;
  } catch {
    return null;
  }
}

function afterEnd(state: ScheduleState, id: string, isDone: boolean, now: number): ScheduleState {
  const done = isDone && !state.done.some((one) => one.id === id) ? [...state.done, { id, at: now }] : state.done;
  const { last, definition } = state;
  if (last === null || last.id !== id || last.endedAt !== null) return { ...state, done };
  const { timing } = definition;
  const next = timing.kind === "afterCompletion" ? { at: Math.ceil(now) + timing.ms, skipped: null } : state.next;
  return { ...state, done, last: { ...last, endedAt: now }, next };
}
