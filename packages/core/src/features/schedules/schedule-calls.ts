import type { Receipt } from "../../backend/contract.ts";
import { defaults, newId } from "../../envelope/index.ts";
import { DuplicateJobError, WaybillError } from "../../errors.ts";
import { describeValue } from "../../known-options.ts";
import { wallMs } from "../../time/clock.ts";
import { allRecords } from "../all-records.ts";
import { liveDeclarations, liveNames, nameMark } from "./declarations.ts";
import { assertSchedule, type Missed, type Overlap, type Schedule, type Timing } from "./define-schedule.ts";
import { type MakeTemplate, newState, prepareSchedule, redefined } from "./prepare.ts";
import {
  changedTooOften,
  changeTo,
  foundSchedule,
  isUnfinished,
  type JobTemplate,
  type LastRun,
  scheduleKey,
  SCHEDULES,
  type ScheduleState,
} from "./schedule-state.ts";
import { jobOf, type ScheduleHost, updateByName } from "./scheduler.ts";
import type { Tick } from "./tick.ts";
import { ticksOf, tickId } from "./ticks-of.ts";

/** A schedule as its backend has it now. Times are Unix milliseconds. */
export interface StoredSchedule {
  readonly name: string;
  readonly type: string;
  readonly queue: string;
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly missed: Missed;
  /** "code": a worker that runs now declares it. "orphan": a worker declared it, and none that runs now does: it does not tick. "put": it was put at run time. */
  readonly from: "code" | "orphan" | "put";
  readonly paused: boolean;
  /** The next ticks, five at most. Empty where it does not tick, and where `afterCompletion` waits for a job. */
  readonly next: readonly number[];
  /** The last run that was enqueued; null for none. `endedAt` is null while its job is unfinished. */
  readonly last: LastRun | null;
}

/**
 * Reads and changes the schedules of a backend. Each call rejects `CAPABILITY_MISSING` where the backend has no ledger, and
 * `BACKEND_UNAVAILABLE` when the ledger is unavailable, or other processes change the same schedule each time.
 */
export interface ScheduleCalls {
  /**
   * Creates a schedule that lasts until it is removed, or changes it. Rejects `CONFIG_INVALID` for one that cannot work, and for the
   * name of a schedule that a worker declares; rejects as `enqueue` does for its payload.
   */
  put(schedule: Schedule): Promise<void>;
  /** Lists the schedules by name. */
  list(): Promise<StoredSchedule[]>;
  /** Stops its ticks until `resume`, also over restarts and deployments. Jobs that are enqueued still run. Rejects `CONFIG_INVALID` for an unknown name. */
  pause(name: string): Promise<void>;
  /** Ends a pause. Ticks of the pause are not made up for. Rejects `CONFIG_INVALID` for an unknown name. */
  resume(name: string): Promise<void>;
  /**
   * Enqueues its job now, beside its ticks and also while it is paused. Rejects `CONFIG_INVALID` for an unknown name, and
   * `DUPLICATE_JOB` while its last job is unfinished and it does not let two run at once.
   */
  runNow(name: string): Promise<Receipt>;
  /**
   * Removes a schedule that was put at run time, or that no running worker declares. Returns false if there is none. Rejects
   * `CONFIG_INVALID` for one that a running worker declares.
   */
  remove(name: string): Promise<boolean>;
}

const SHOWN_TICKS = 5;
const MOST_TRIES = 50;

/** `host` throws `CAPABILITY_MISSING` where the backend has no ledger. `changed` is called after each change. */
export function createScheduleCalls(
  host: () => ScheduleHost,
  makeTemplate: MakeTemplate,
  changed: () => void,
): ScheduleCalls {
  async function isLive(name: string): Promise<boolean> {
    return liveNames(await liveDeclarations(host().ledger)).has(nameMark(name));
  }

  /** `to` is called again each time another process was first. Null: leaves the schedule. */
  async function change(
    name: string,
    to: (state: ScheduleState, now: number) => ScheduleState | null | Promise<ScheduleState | null>,
  ): Promise<void> {
    assertName(name);
    const { ledger } = host();
    const isThere = await updateByName(ledger, name, async (given, now) => {
      const state = await to(given, now);
      return state && { state, now };
    });
    if (!isThere) throw unknown(name);
    changed();
  }

  return {
    async put(schedule) {
      assertSchedule(schedule, "the argument of schedules.put");
      const { name } = schedule;
      const prepared = await prepareSchedule(schedule, makeTemplate);
      if (await isLive(name)) throw refuse(`schedule "${name}" is declared by a worker that runs now: change it there`);
      const created = await host().ledger.commit([changeTo(newState(prepared, null), "absent", wallMs())]);
      if (created.ok) changed();
      else await change(name, (state, now) => redefined(state, prepared, null, now));
    },
    async list() {
      const { ledger } = host();
      const live = liveNames(await liveDeclarations(ledger));
      const found: StoredSchedule[] = [];
      for await (const record of allRecords(ledger, SCHEDULES)) {
        const state = foundSchedule(record)?.state;
        if (state !== undefined) found.push(await shownOf(state, live.has(nameMark(state.name))));
      }
      return found.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    pause: (name) => change(name, (state) => ({ ...state, paused: true })),
    resume: (name) =>
      change(name, async (state) => {
        if (!state.paused) return null;
        const ticks = await ticksOf(state.definition.timing, name);
        const next = ticks === null ? state.next : ticks.after(wallMs());
        return { ...state, paused: false, next, queued: null };
      }),
    async runNow(name) {
      assertName(name);
      const { enqueue } = host();
      const run: { job: JobTemplate | null; tick: Tick | null } = { job: null, tick: null };
      await change(name, (state, now) => {
        const { timing, overlap, job } = state.definition;
        run.job = job;
        run.tick = null;
        if (timing.kind !== "afterCompletion" && overlap === "allow") return null;
        const tick = { at: Math.floor(now), skipped: null };
        const id = tickId(name, tick);
        if (isUnfinished(state)) throw unfinished(name, id, state.last?.id ?? "");
        // Reserved as a tick is: if this process dies now, a scheduler enqueues it.
        run.tick = tick;
        const last = { id, at: tick.at, firedAt: now, endedAt: null };
        return { ...state, next: timing.kind === "afterCompletion" ? null : state.next, firing: [tick], last };
      });
      const { job, tick } = run;
      if (job === null) throw unknown(name);
      if (tick === null) return enqueue(jobOf(job, name, newId(), wallMs()));
      const receipt = await enqueue(jobOf(job, name, tickId(name, tick), tick.at));
      await change(name, (state) => (state.firing?.[0]?.at === tick.at ? { ...state, firing: null } : null));
      return receipt;
    },
    async remove(name) {
      assertName(name);
      const { ledger } = host();
      const key = scheduleKey(name);
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        // Read before the declarations: a worker that declares the schedule after they were read changes the record.
        const [record = null] = await ledger.read([key]);
        if (await isLive(name)) {
          throw refuse(`schedule "${name}" is declared by a worker that runs now: remove it there, or pause it`);
        }
        if (record === null) return false;
        if ((await ledger.commit([{ key, ifVersion: record.version, value: null }])).ok) return true;
      }
      throw changedTooOften(`schedule "${name}"`, MOST_TRIES);
    },
  };
}

async function shownOf(state: ScheduleState, isDeclared: boolean): Promise<StoredSchedule> {
  const { name, definition, declared, paused, last } = state;
  const { timing, overlap, missed, job } = definition;
  const from = declared === null ? "put" : isDeclared ? "code" : "orphan";
  const next: number[] = [];
  if (!paused && from !== "orphan") {
    // A time zone that this host does not know hides no other schedule, and not the tick that is stored.
    const ticks = await ticksOf(timing, name).catch(() => null);
    for (let tick = state.next; tick !== null && next.length < SHOWN_TICKS;) {
      next.push(tick.at);
      tick = ticks?.following(tick) ?? null;
    }
  }
  const { type, queue = defaults.queue } = job;
  return { name, type, queue, timing, overlap, missed, from, paused, next, last };
}

function assertName(name: unknown): void {
  if (typeof name !== "string" || name === "")
    throw refuse(`the name of a schedule is ${describeValue(name)}: pass its text`);
}

const unknown = (name: string): WaybillError =>
  refuse(`there is no schedule called ${describeValue(name)}; list() names those there are`);

function unfinished(name: string, id: string, last: string): WaybillError {
  const message = `schedule "${name}" was not run: its job "${last}" is unfinished, and it does not let two run at once; run it once that has ended`;
  return new DuplicateJobError(id, last, message);
}

const refuse = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
