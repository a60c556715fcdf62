import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { type JobDefinition, toError, WaybillError } from "@waybill/core";
import { serialiseEnvelope } from "@waybill/core/door";
import { forbidden } from "../problem.ts";
import { header, type Push } from "../push.ts";

/** The payload of a periodic task's job. */
export interface PeriodicTick {
  /** As cron.yaml names it. */
  readonly task: string;
  /** When it was due, to the minute: RFC 3339, UTC. The same for every delivery of one tick. */
  readonly scheduledAt: string;
}

/** One entry of cron.yaml, and the job it ticks. */
export interface PeriodicTask {
  /** Its `url` in cron.yaml, from the root of the server. */
  readonly path: string;
  /** Its `schedule` in cron.yaml: five fields, UTC. A tick of another minute is refused. */
  readonly schedule: string;
  /** Runs at each tick; its payload is a `PeriodicTick`. Must be among the receiver's jobs. */
  readonly job: JobDefinition;
}

/** A tick waits in SQS, which keeps nothing longer. */
const OLDEST_MS = 14 * 86_400_000;
const MOST_AHEAD_MS = 300_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/;

/** A task whose schedule has been read. */
export interface ScheduledTask extends PeriodicTask {
  /** Whether a tick is due at this time, a whole minute. */
  readonly fits: (at: Date) => boolean;
}

/**
 * Throws `CONFIG_INVALID` for a path that no request can have, for a schedule that is none, and for a job whose schema has
 * no room for a tick.
 */
export function periodicTasks(tasks: Readonly<Record<string, PeriodicTask>>): ReadonlyMap<string, ScheduledTask> {
  const scheduled = new Map<string, ScheduledTask>();
  for (const [name, task] of Object.entries(tasks)) {
    const { path, job, schedule } = task;
    if (!/^\/[^?#\s]*$/.test(path)) {
      throw refuse(`the path of periodic task "${name}" is "${path}": begin it with a slash, and leave out ? and #`);
    }
    const fault = faultOfTick(job, { task: name, scheduledAt: "2026-01-01T00:00:00.000Z" });
    if (fault !== null) {
      throw refuse(
        `periodic task "${name}" runs "${job.type}", whose payload is not { task, scheduledAt }: ${fault}. ` +
          "Give the task a job of its own",
      );
    }
    scheduled.set(name, { ...task, fits: timesOf(schedule, name) });
  }
  return scheduled;
}

/** croner is loaded for those who have periodic tasks. */
function timesOf(schedule: unknown, name: string): (at: Date) => boolean {
  const isFive = typeof schedule === "string" && schedule.trim().split(/\s+/).length === 5;
  if (!isFive) {
    throw refuse(
      `the schedule of periodic task "${name}" is ${JSON.stringify(schedule)}: give its five fields of cron.yaml, as "0 2 * * *"`,
    );
  }
  const { Cron } = createRequire(import.meta.url)("croner") as typeof import("croner");
  try {
    const times = new Cron(schedule.trim(), { timezone: "UTC", paused: true });
    return (at) => times.match(at);
  } catch (cause) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `the schedule of periodic task "${name}" is none: ${toError(cause).message}`,
      {
        cause,
      },
    );
  }
}

/** Null too for a schema that takes its time: then the job's first run will tell. */
function faultOfTick({ schema }: JobDefinition, tick: PeriodicTick): string | null {
  const result = schema?.["~standard"].validate(tick);
  if (result instanceof Promise) void Promise.allSettled([result]);
  else if (result?.issues) return result.issues.map(({ message }) => message).join("; ");
  return null;
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

/**
 * The envelope of one tick. The daemon signs nothing here and sends no body, so the request says only which of our own
 * tasks is due, and when: everything else is ours. The same tick makes the same bytes and id, however often it comes.
 */
export function tickOf(
  tasks: ReadonlyMap<string, ScheduledTask>,
  push: Push,
  task: string,
): { readonly id: string; readonly envelope: string; readonly freshUntil: number } {
  const known = tasks.get(task);
  if (known === undefined) throw forbidden(`no periodic task is called ${JSON.stringify(task.slice(0, 100))}`);
  if (push.path !== known.path) throw forbidden(`periodic task "${task}" came to "${push.path}", not "${known.path}"`);
  const due = timeIn(header(push.headers, "x-aws-sqsd-scheduled-at") ?? "");
  if (due === null) throw forbidden(`periodic task "${task}" says no time it can have been due at`);
  const at = due.toISOString();
  if (!known.fits(due)) throw forbidden(`periodic task "${task}" is not due at ${at} by its schedule`);
  const { type, queue, version } = known.job;
  const payload: PeriodicTick = { task, scheduledAt: at };
  const id = idOf(payload);
  const envelope = serialiseEnvelope({
    spec: "waybill/1",
    id,
    type,
    queue,
    args: [{ ...payload }],
    created_at: at,
    ...(version !== 1 && { meta: { payload_version: version } }),
  });
  return { id, envelope, freshUntil: due.getTime() + OLDEST_MS };
}

/** To the minute, as a schedule has them: whatever the seconds say, a task has one tick in it. */
function timeIn(text: string): Date | null {
  const ms = TIME.test(text) ? Math.floor(Date.parse(text) / 60_000) * 60_000 : Number.NaN;
  const age = Date.now() - ms;
  return age <= OLDEST_MS && age >= -MOST_AHEAD_MS ? new Date(ms) : null;
}

/** A UUID whose bits are all made from the tick: version 8 of RFC 9562. */
function idOf({ task, scheduledAt }: PeriodicTick): string {
  const bytes = createHash("sha256").update(`waybill sqsd tick\n${scheduledAt}\n${task}`).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
