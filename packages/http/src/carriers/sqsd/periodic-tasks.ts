import { createHash } from "node:crypto";
import { type JobDefinition, toError, WaybillError } from "@waybill/core";
import { Cron } from "croner";
import { serialiseEnvelope } from "@waybill/core/endpoint";
import { forbidden } from "../../push/push-refused.ts";
import { header, type PushRequest } from "../../push/push-request.ts";

/** The payload of a periodic task's job. */
export interface PeriodicTick {
  /** The task's name in cron.yaml. */
  readonly task: string;
  /** When the tick was due, to the minute: RFC 3339, UTC. The same for every delivery of one tick. */
  readonly scheduledAt: string;
}

/** One entry of cron.yaml and the job that runs at each tick. */
export interface PeriodicTask {
  /** The entry's `url` in cron.yaml, from the root of the server. */
  readonly path: string;
  /** The entry's `schedule` in cron.yaml: five fields, UTC. A tick at another minute is refused. */
  readonly schedule: string;
  /** The job to run. Its payload is a `PeriodicTick`. It must be one of the receiver's `jobs`. */
  readonly job: JobDefinition;
}

/** The longest retention of SQS, in which a tick waits. */
const MAX_AGE_MS = 14 * 86_400_000;
const MAX_AHEAD_MS = 300_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/;

/** A task with its parsed schedule. */
export interface ScheduledTask extends PeriodicTask {
  /** Returns true if a tick is due at this time, a whole minute. */
  readonly isDueAt: (at: Date) => boolean;
}

/**
 * Parses the tasks' schedules. Throws `CONFIG_INVALID` for a path that no request can have, an invalid schedule, and a job
 * whose schema rejects a `PeriodicTick`.
 */
export function periodicTasks(tasks: Readonly<Record<string, PeriodicTask>>): ReadonlyMap<string, ScheduledTask> {
  const scheduled = new Map<string, ScheduledTask>();
  for (const [name, task] of Object.entries(tasks)) {
    const { path, job, schedule } = task;
    if (!/^\/[^?#\s]*$/.test(path)) {
      throw configError(
        `the path of periodic task "${name}" is "${path}": begin it with a slash, and leave out ? and #`,
      );
    }
    const fault = faultOfTick(job, { task: name, scheduledAt: "2026-01-01T00:00:00.000Z" });
    if (fault !== null) {
      throw configError(
        `periodic task "${name}" runs "${job.type}", whose payload is not { task, scheduledAt }: ${fault}. ` +
          "Give the task a job of its own",
      );
    }
    scheduled.set(name, { ...task, isDueAt: timesOf(schedule, name) });
  }
  return scheduled;
}

function timesOf(schedule: unknown, name: string): (at: Date) => boolean {
  const isFive = typeof schedule === "string" && schedule.trim().split(/\s+/).length === 5;
  if (!isFive) {
    throw configError(
      `the schedule of periodic task "${name}" is ${JSON.stringify(schedule)}: give its five fields of cron.yaml, as "0 2 * * *"`,
    );
  }
  try {
    const times = new Cron(schedule.trim(), { timezone: "UTC", paused: true });
    return (at) => times.match(at);
  } catch (cause) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `the schedule of periodic task "${name}" is invalid: ${toError(cause).message}`,
      {
        cause,
      },
    );
  }
}

/** Returns why the schema rejects a tick, or null. An asynchronous schema is not checked before the job's first run. */
function faultOfTick({ schema }: JobDefinition, tick: PeriodicTick): string | null {
  const result = schema?.["~standard"].validate(tick);
  if (result instanceof Promise) void Promise.allSettled([result]);
  else if (result?.issues) return result.issues.map(({ message }) => message).join("; ");
  return null;
}

function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

/**
 * Returns the envelope of one tick. The daemon signs nothing and sends no body, so only the task's name and time come from
 * the request. The same tick has the same bytes and id each time. Throws 403 `PushRefused` for a tick that cannot be.
 */
export function tickOf(
  tasks: ReadonlyMap<string, ScheduledTask>,
  push: PushRequest,
  task: string,
): { readonly id: string; readonly envelope: string; readonly freshUntil: number } {
  const known = tasks.get(task);
  if (known === undefined) throw forbidden(`no periodic task is called ${JSON.stringify(task.slice(0, 100))}`);
  if (push.path !== known.path) throw forbidden(`periodic task "${task}" came to "${push.path}", not "${known.path}"`);
  const due = timeIn(header(push.headers, "x-aws-sqsd-scheduled-at") ?? "");
  if (due === null) throw forbidden(`periodic task "${task}" has no time at which it can have been due`);
  const at = due.toISOString();
  if (!known.isDueAt(due)) throw forbidden(`periodic task "${task}" is not due at ${at} by its schedule`);
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
  return { id, envelope, freshUntil: due.getTime() + MAX_AGE_MS };
}

/** Rounds down to the minute, because a schedule has at most one tick per minute. */
function timeIn(text: string): Date | null {
  const ms = TIME.test(text) ? Math.floor(Date.parse(text) / 60_000) * 60_000 : Number.NaN;
  const age = Date.now() - ms;
  return age <= MAX_AGE_MS && age >= -MAX_AHEAD_MS ? new Date(ms) : null;
}

/** Derives a UUID from the tick: version 8 of RFC 9562. */
function idOf({ task, scheduledAt }: PeriodicTick): string {
  const bytes = createHash("sha256").update(`waybill sqsd tick\n${scheduledAt}\n${task}`).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
