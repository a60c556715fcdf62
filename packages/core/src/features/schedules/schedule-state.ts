import type { Envelope } from "../../envelope/index.ts";
import type { LedgerChange, LedgerRecord } from "../../backend/ledger.ts";
import { WaybillError } from "../../errors.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";
import type { Missed, Overlap, Timing } from "./define-schedule.ts";
import type { Tick } from "./tick.ts";
import { fireAt, tickId } from "./ticks-of.ts";

/** The envelope of a schedule's jobs, without what differs from tick to tick. */
export type JobTemplate = Omit<Envelope, "id" | "created_at">;

/** The part of a schedule that its program decides. Programs compare its JSON. */
export interface StoredDefinition {
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly missed: Missed;
  readonly maxMissed: number;
  readonly jitterMs: number;
  readonly job: JobTemplate;
}

/** The program whose declaration a schedule has. */
export interface DeclaredBy {
  readonly program: string;
  /** When the first worker of the program started, in Unix milliseconds. */
  readonly at: number;
}

/** The last tick whose job was enqueued. */
export interface LastRun {
  readonly id: string;
  /** When the tick was due, in Unix milliseconds. */
  readonly at: number;
  /** When it was fired, in Unix milliseconds. */
  readonly firedAt: number;
  /** When its job ended, in Unix milliseconds; null while it is unfinished. */
  readonly endedAt: number | null;
}

/** One schedule as the ledger keeps it, under `schedule/at/<name>`. Changed by versioned commits alone. */
export interface ScheduleState {
  readonly name: string;
  readonly definition: StoredDefinition;
  /** Null: put at run time. */
  readonly declared: DeclaredBy | null;
  readonly paused: boolean;
  /** The next tick. Null: `afterCompletion` waits for the job; or no tick is left. */
  readonly next: Tick | null;
  /** The tick that waits for the end of the last job (`queue_one`). */
  readonly queued: Tick | null;
  /** Ticks that a scheduler is enqueueing. If it dies, another enqueues them again, under the same ids. */
  readonly firing: readonly Tick[] | null;
  readonly last: LastRun | null;
  /** Ids of jobs that completed within the last hour, the latest last: delivered again, they do not run again. */
  readonly done: readonly { readonly id: string; readonly at: number }[];
  /** Since when no live worker declares it, in Unix milliseconds; null when one does, or when it was put at run time. */
  readonly orphanedAt: number | null;
  /** When the record is due, in Unix milliseconds; null for never. */
  readonly dueAt: number | null;
}

/** A reservation that is this old lapses: another scheduler fires its ticks again. */
export const RESERVED_MS = 15_000;
/** How often a scheduler looks whether an unfinished job is still there. */
export const RECHECK_MS = 30_000;
/** How often a scheduler looks whether a worker declares an orphaned schedule again. */
const ORPHAN_CHECK_MS = 3_600_000;
const DONE_MS = 3_600_000;
const MOST_DONE = 64;

export const SCHEDULES: string = ledgerPrefix("schedule", "at");
export const scheduleKey = (name: string): string => ledgerKey("schedule", "at", name);

/** Whether a further run must wait for the last one. */
export const isUnfinished = ({ last, firing }: ScheduleState): boolean => firing !== null || last?.endedAt === null;

/**
 * Ends the reservation of ticks whose jobs, by these ids, are stored. Returns null where none of them is reserved: a worker that
 * leased the job, or another scheduler, has ended it already.
 */
export function withoutReserved(state: ScheduleState, ids: ReadonlySet<string>): ScheduleState | null {
  const { name, firing } = state;
  const left = firing?.filter((tick) => !ids.has(tickId(name, tick))) ?? [];
  if (firing === null || left.length === firing.length) return null;
  return { ...state, firing: left.length > 0 ? left : null };
}

/** Returns when the scheduler has to look at this schedule next, in Unix milliseconds; null for never. */
function dueAtOf(state: ScheduleState, now: number): number | null {
  const { name, definition, firing, paused, orphanedAt, next, queued } = state;
  if (firing !== null) return now + RESERVED_MS;
  if (orphanedAt !== null) return now + ORPHAN_CHECK_MS;
  if (paused) return null;
  const nextAt = next === null ? null : fireAt(name, next, definition.jitterMs);
  if (definition.timing.kind === "afterCompletion") return nextAt ?? now + RECHECK_MS;
  if (queued === null) return nextAt;
  return Math.min(isUnfinished(state) ? now + RECHECK_MS : now, nextAt ?? Infinity);
}

/** Returns the change that stores the state, with the time at which it is due. `now` is Unix milliseconds. */
export function changeTo(state: ScheduleState, ifVersion: LedgerChange["ifVersion"], now: number): LedgerChange {
  return stored(state, dueAtOf(state, now), ifVersion, now);
}

/**
 * Returns a change that gives the record of a schedule another version and leaves the schedule as it is. A process that has read the
 * record before, to remove it, then reads it again.
 */
export function unchanged({ state, record }: FoundSchedule, now: number): LedgerChange {
  return stored(state, state.dueAt, record.version, now);
}

function stored(
  state: ScheduleState,
  due: number | null,
  ifVersion: LedgerChange["ifVersion"],
  now: number,
): LedgerChange {
  // The store counts from the write on: an overdue schedule is due now by both clocks, or they would seem to disagree.
  const dueAt = due === null ? null : Math.max(due, now);
  const done = state.done.filter(({ at }) => now - at < DONE_MS).slice(-MOST_DONE);
  const value = JSON.stringify({ v: 1, ...state, done, dueAt } satisfies ScheduleState & { v: 1 });
  return {
    key: scheduleKey(state.name),
    ifVersion,
    value,
    ...(dueAt !== null && { dueInMs: Math.max(0, dueAt - now) }),
  };
}

/** Returns the error of a change that other processes have forestalled `tries` times. `what` begins its message. */
export function changedTooOften(what: string, tries: number): WaybillError {
  const text = `${what} was not changed: other processes were first ${tries} times; call again`;
  return new WaybillError("BACKEND_UNAVAILABLE", text);
}

/** A schedule as it was read. */
export interface FoundSchedule {
  readonly state: ScheduleState;
  readonly record: LedgerRecord;
}

/** Returns null for a record that this release cannot read: a later one wrote it, or it is damaged. */
export function foundSchedule(record: LedgerRecord): FoundSchedule | null {
  try {
    const value: unknown = JSON.parse(record.value);
    return isState(value) ? { state: value, record } : null;
  } catch {
    return null;
  }
}

/** Returns those that can be read. Calls `unreadable` with the keys of the others. */
export function foundSchedules(records: readonly LedgerRecord[], unreadable: (key: string) => void): FoundSchedule[] {
  return records.flatMap((record) => {
    const found = foundSchedule(record);
    if (found === null) unreadable(record.key);
    return found ?? [];
  });
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const isTime = (value: unknown): boolean => Number.isFinite(value);
const isTick = (value: unknown): boolean => isObject(value) && isTime((value as Partial<Tick>).at);
const isRun = (value: unknown): boolean => isTick(value) && typeof (value as Partial<LastRun>).id === "string";
const isNullOr = (is: (value: unknown) => boolean, ...values: unknown[]): boolean =>
  values.every((value) => value === null || is(value));
const isListOf = (is: (value: unknown) => boolean, value: unknown): boolean => Array.isArray(value) && value.every(is);

function isState(value: unknown): value is ScheduleState {
  const said = Object(value) as Partial<ScheduleState & { v: unknown }>;
  const { v, name, definition, firing, done, next, queued, last, orphanedAt, dueAt } = said;
  if (v !== 1 || typeof name !== "string" || !isObject(definition)) return false;
  if (!isObject(definition.timing) || !isObject(definition.job)) return false;
  const hasTicks = isNullOr(isTick, next, queued) && isNullOr((list) => isListOf(isTick, list), firing);
  return hasTicks && isNullOr(isRun, last) && isListOf(isRun, done) && isNullOr(isTime, orphanedAt, dueAt);
}
