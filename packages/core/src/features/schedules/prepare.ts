import { hash } from "node:crypto";
import type { JobDefinition } from "../../job/job-definition.ts";
import { PayloadError, WaybillError } from "../../errors.ts";
import { wallMs } from "../../time/clock.ts";
import { isInstance } from "../../values/any-value.ts";
import type { Schedule } from "./define-schedule.ts";
import { type DeclaredBy, type JobTemplate, type ScheduleState, type StoredDefinition } from "./schedule-state.ts";
import type { Tick } from "./tick.ts";
import { ticksOf } from "./ticks-of.ts";

/** Returns the envelope of a job without what differs from run to run. Rejects what `enqueue` rejects for a payload. */
export type MakeTemplate = (
  job: JobDefinition | string,
  payload: unknown,
  queue: string | null,
) => Promise<JobTemplate>;

/** The largest definition. With its state beside it, it fits into one record. */
const MOST_BYTES = 16_384;

/** A schedule that has been checked, as it is stored. */
export interface PreparedSchedule {
  readonly name: string;
  readonly definition: StoredDefinition;
  /** Returns its first tick after a time in Unix milliseconds; null for none. */
  readonly firstAfter: (ms: number) => Tick | null;
}

/** Checks what `defineSchedule` could not. Rejects `CONFIG_INVALID` for its expression, and what `enqueue` rejects for its payload. */
export async function prepareSchedule(schedule: Schedule, makeTemplate: MakeTemplate): Promise<PreparedSchedule> {
  const { name, timing, overlap, missed, maxMissed, jitterMs } = schedule;
  const ticks = await ticksOf(timing, name);
  const job = await makeTemplate(schedule.job, schedule.payload, schedule.queue).catch((thrown: unknown) => {
    throw namingSchedule(schedule, thrown);
  });
  const definition = { timing, overlap, missed, maxMissed, jitterMs, job };
  const bytes = Buffer.byteLength(JSON.stringify(definition));
  if (bytes > MOST_BYTES) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `schedule "${name}" has ${bytes} bytes with its payload, and may have ${MOST_BYTES}; keep the data elsewhere and schedule a reference`,
    );
  }
  return {
    name,
    definition,
    firstAfter: (ms) => (ticks === null ? { at: Math.ceil(ms), skipped: null } : ticks.after(ms)),
  };
}

/** A program has many schedules: the error about a payload says whose it is. */
function namingSchedule({ name, job }: Schedule, thrown: unknown): unknown {
  if (!isInstance(thrown, PayloadError)) return thrown;
  const type = typeof job === "string" ? job : job.type;
  return new PayloadError(type, thrown.issues, `in schedule "${name}" does not fit`);
}

/** Returns the state of a schedule that is new. */
export function newState(
  { name, definition, firstAfter }: PreparedSchedule,
  declared: DeclaredBy | null,
): ScheduleState {
  const next = firstAfter(wallMs());
  const none = { queued: null, firing: null, last: null, done: [], orphanedAt: null, dueAt: null };
  return { name, definition, declared, paused: false, next, ...none };
}

/** Returns the state with another definition. It keeps its pause and what has run; its next tick only where its timing is the same. */
export function redefined(
  state: ScheduleState,
  { definition, firstAfter }: PreparedSchedule,
  declared: DeclaredBy | null,
  now: number,
): ScheduleState {
  const keepsTime = JSON.stringify(state.definition.timing) === JSON.stringify(definition.timing);
  const isChain = definition.timing.kind === "afterCompletion";
  const waits = isChain && state.last?.endedAt === null;
  return {
    ...state,
    definition,
    declared,
    orphanedAt: null,
    ...(!keepsTime && { next: waits ? null : firstAfter(now), queued: null }),
  };
}

/** Returns what identifies a program: its version, and the definitions of its schedules. */
export function programOf(version: string | null, schedules: readonly PreparedSchedule[]): string {
  const all = schedules.map(({ name, definition }) => [name, definition]);
  return `${version ?? ""}/${hash("sha256", JSON.stringify(all), "base64url").slice(0, 22)}`;
}
