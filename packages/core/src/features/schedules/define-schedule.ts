import { WaybillError } from "../../errors.ts";
import { assertDefinition } from "../../job/check-definition.ts";
import { assertQueue } from "../../job/define-job.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import type { MayBeLeftOut } from "../../job/json-input.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";
import { type Duration, durationMs } from "../../time/duration.ts";
import { cronFields } from "./cron-fields.ts";
import { timeZoneOf } from "./time-zone.ts";

/** What happens at a tick while the job of the tick before is unfinished: waits, runs, or waits for its next attempt. */
export type Overlap = "allow" | "skip" | "queue_one";
/** What happens to ticks that nothing could fire for more than a minute. */
export type Missed = "skip" | "run_once" | "run_all";

interface ScheduleSettings<Input> {
  /** Identifies the schedule on its backend: 1 to 128 characters. */
  readonly name: string;
  /** A definition, or the name of a type, whose payload is then checked only where it runs. */
  readonly job: JobDefinition<Input, unknown> | string;
  /**
   * Five fields, minute, hour, day of the month, month and day of the week: "0 9 * * MON"; also "@daily" and its like. When the
   * clocks change it does as Debian's cron does: see docs/schedules.md. One of `cron`, `every` and `afterCompletion` is needed.
   */
  readonly cron?: string | undefined;
  /** The time zone of `cron`, such as "Europe/Vienna". Default "UTC". */
  readonly timeZone?: string | undefined;
  /** An interval of at least "1s". Ticks are at its multiples since 1970 in UTC, so "1h" ticks on the hour. */
  readonly every?: Duration | undefined;
  /** The next run starts this long after the job of the run before has ended, at least "1s". Never two at once. The first is at once. */
  readonly afterCompletion?: Duration | undefined;
  /**
   * "allow": each tick enqueues its job. "skip": a tick is skipped while the job of the tick before is unfinished. "queue_one": one
   * tick waits for its end, further ones are skipped. Default "allow". Not with `afterCompletion`.
   */
  readonly overlap?: Overlap | undefined;
  /**
   * Ticks are missed when nothing could fire them for more than a minute: no worker ran, or the backend was unavailable. "skip":
   * they are skipped. "run_once": the last of them is fired. "run_all": each is fired, the last `maxMissed` at most. Default
   * "run_once". Not with `afterCompletion`, which then runs once.
   */
  readonly missed?: Missed | undefined;
  /** The most ticks that `missed: "run_all"` fires, from 1 to 1,000. Default 100. */
  readonly maxMissed?: number | undefined;
  /** Each tick is fired up to this much later, by an amount that depends on its name and time alone. Default 0. */
  readonly jitter?: Duration | undefined;
  /** Default: the queue of the definition. */
  readonly queue?: string | undefined;
}

/** The options of a schedule. `payload` may be omitted where the definition's schema allows `undefined`. */
export type ScheduleOptions<Input = unknown> = ScheduleSettings<Input> &
  (
    | { readonly payload: NoInfer<Input> }
    | (MayBeLeftOut<Input> extends true ? { readonly payload?: undefined } : never)
  );

/** When a schedule ticks. */
export type Timing =
  | { readonly kind: "cron"; readonly cron: string; readonly timeZone: string }
  | { readonly kind: "every"; readonly ms: number }
  | { readonly kind: "afterCompletion"; readonly ms: number };

/** A schedule as `defineSchedule` returns it: with its defaults, and durations in milliseconds. */
export interface Schedule {
  readonly name: string;
  readonly job: JobDefinition | string;
  readonly payload: unknown;
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly missed: Missed;
  /** The most missed ticks that "run_all" fires. */
  readonly maxMissed: number;
  readonly jitterMs: number;
  /** Null: that of the definition. */
  readonly queue: string | null;
}

type AllOptions = ScheduleSettings<unknown> & { readonly payload?: unknown };
const SCHEDULE_OPTIONS: OptionNames<AllOptions> = {
  name: true,
  job: true,
  payload: true,
  cron: true,
  timeZone: true,
  every: true,
  afterCompletion: true,
  overlap: true,
  missed: true,
  maxMissed: true,
  jitter: true,
  queue: true,
};

/**
 * Defines a job that runs by the clock, for `schedules` of a worker or for `jobs.schedules.put`. Throws `CONFIG_INVALID` for an
 * option that cannot work. Ranges and dates of `cron` and the payload are checked when the worker starts, or by `put`.
 */
export function defineSchedule<Input = unknown>(options: ScheduleOptions<Input>): Schedule {
  const given = options as AllOptions;
  assertKnownOptions(given, SCHEDULE_OPTIONS, "the options of defineSchedule");
  const { name, job, overlap = "allow", missed = "run_once", maxMissed = 100, jitter = 0, queue = null } = given;
  if (typeof name !== "string" || name === "" || [...name].length > 128 || !name.isWellFormed())
    throw refuse(`the name of a schedule is ${describeValue(name)}: a text of 1 to 128 characters`);
  const of = `schedule "${name}"`;
  if (typeof job !== "string") assertDefinition(job, `job of ${of}`);
  if (queue !== null) assertQueue(queue, `queue of ${of}`);
  const timing = timingOf(given, of);
  if (timing.kind === "afterCompletion") assertAlone(given, ["overlap", "missed", "maxMissed"], of);
  if (!["allow", "skip", "queue_one"].includes(overlap))
    throw refuse(`overlap of ${of} is ${describeValue(overlap)}: "allow", "skip" or "queue_one"`);
  if (!["skip", "run_once", "run_all"].includes(missed))
    throw refuse(`missed of ${of} is ${describeValue(missed)}: "skip", "run_once" or "run_all"`);
  if (!Number.isSafeInteger(maxMissed) || maxMissed < 1 || maxMissed > 1_000)
    throw refuse(`maxMissed of ${of} is ${describeValue(maxMissed)}: a whole number from 1 to 1,000`);
  if (given.maxMissed !== undefined && missed !== "run_all")
    throw refuse(`${of} has maxMissed, which needs missed: "run_all"; missed is "${missed}"`);
  const jitterMs = Math.floor(durationMs(jitter, `jitter of ${of}`));
  if (timing.kind === "every" && jitterMs >= timing.ms)
    throw refuse(`jitter of ${of} is ${jitterMs} ms: shorter than \`every\`, which is ${timing.ms} ms`);
  return { name, job, payload: given.payload, timing, overlap, missed, maxMissed, jitterMs, queue };
}

const LEAST_MS = 1_000;
/** Ten years. */
const MOST_MS = 3_650 * 86_400_000;

function timingOf(options: AllOptions, of: string): Timing {
  const { cron, every, afterCompletion, timeZone = "UTC" } = options;
  const named = (["cron", "every", "afterCompletion"] as const).filter((option) => options[option] !== undefined);
  if (named.length !== 1) {
    const said = named.length === 0 ? "none of them" : named.join(" and ");
    throw refuse(`${of} needs one of cron, every and afterCompletion; it has ${said}`);
  }
  if (cron !== undefined) {
    cronFields(cron, `cron of ${of}`);
    timeZoneOf(timeZone, `timeZone of ${of}`);
    return { kind: "cron", cron, timeZone };
  }
  assertAlone(options, ["timeZone"], of);
  const kind = every === undefined ? "afterCompletion" : "every";
  const ms = durationMs(every ?? afterCompletion ?? 0, `${kind} of ${of}`);
  if (!Number.isSafeInteger(ms) || ms < LEAST_MS || ms > MOST_MS)
    throw refuse(`${kind} of ${of} is ${ms} ms: whole milliseconds, from "1s" to "3650d"`);
  return { kind, ms };
}

function assertAlone(options: AllOptions, names: readonly (keyof AllOptions)[], of: string): void {
  const kind = options.every === undefined ? "afterCompletion" : "every";
  const unfit = names.find((name) => options[name] !== undefined);
  if (unfit !== undefined) throw refuse(`${of} has ${unfit}, which has no meaning with ${kind}; remove it`);
}

/** A worker writes the names of its schedules into one record. */
const MOST_SCHEDULES = 5_000;

/** Throws `CONFIG_INVALID` unless `schedules` is a list of schedules without two of one name. `name` says which option it is. */
export function assertSchedules(schedules: unknown, name: string): asserts schedules is readonly Schedule[] {
  if (!Array.isArray(schedules))
    throw refuse(`${name} is ${describeValue(schedules)}: pass a list of what defineSchedule(…) returned`);
  if (schedules.length > MOST_SCHEDULES)
    throw refuse(
      `${name} has ${schedules.length} schedules; a worker declares ${MOST_SCHEDULES} at most: use several workers`,
    );
  const names = new Set<string>();
  for (const [at, schedule] of schedules.entries()) {
    assertSchedule(schedule, `${name}[${at}]`);
    if (names.has(schedule.name))
      throw refuse(`${name} has two schedules called "${schedule.name}"; a name identifies one: rename one of them`);
    names.add(schedule.name);
  }
}

/** Throws `CONFIG_INVALID` unless `value` is what `defineSchedule` returns. `name` says where it came from. */
export function assertSchedule(value: unknown, name: string): asserts value is Schedule {
  const members = ["name", "job", "timing", "overlap", "missed", "jitterMs"];
  if (typeof value === "object" && value !== null && members.every((member) => member in value)) return;
  throw refuse(`${name} is ${describeValue(value)}: pass what defineSchedule(…) returned`);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
