import { WaybillError } from "../errors.ts";
import { createScheduleCalls, type ScheduleCalls } from "../features/schedules/schedule-calls.ts";
import { createScheduledRuns, type ScheduledRuns } from "../features/schedules/scheduled-runs.ts";
import type { Schedule } from "../features/schedules/define-schedule.ts";
import type { ScheduleHost } from "../features/schedules/scheduler.ts";
import { createWorkerSchedules, type WorkerSchedules } from "../features/schedules/worker-schedules.ts";
import { assertType } from "../job/define-job.ts";
import type { EnvelopeCalls } from "../producer/envelope-calls.ts";
import type { MakeTemplate } from "../features/schedules/prepare.ts";
import type { Seam } from "../backend/seam.ts";
import type { EventBus } from "../observability/events.ts";

/** The schedules of one connection: its calls, and the schedulers of its workers. */
export interface Scheduling {
  readonly calls: ScheduleCalls;
  /** Null where the backend has no ledger. */
  readonly runs: ScheduledRuns | null;
  /** Throws `CAPABILITY_MISSING` where the backend has no ledger and there are schedules. Null: there is nothing to do. */
  forWorker(worker: string, schedules: readonly Schedule[], heartbeatMs: number): WorkerSchedules | null;
}

export interface SchedulingSettings {
  readonly seam: Seam;
  readonly events: EventBus;
  readonly calls: EnvelopeCalls;
  /** Of the program; null for none. */
  readonly version: string | null;
  /** False: schedulers of workers fire nothing, since a test does. */
  readonly firesAlone: boolean;
}

export function createScheduling({ seam, events, calls, version, firesAlone }: SchedulingSettings): Scheduling {
  const { ledger, backend } = seam;
  const all = new Set<WorkerSchedules>();
  const wake = (): void => all.forEach((one) => one.wake());
  const host: ScheduleHost | null = ledger && {
    ledger,
    jobControl: seam.jobControl,
    events,
    enqueue: calls.enqueueEnvelope,
  };

  const makeTemplate: MakeTemplate = async (job, payload, queue) => {
    if (typeof job === "string") assertType(job, "the type of a schedule's job");
    const envelope = await calls.envelopeOf(job, payload, queue === null ? {} : { queue });
    const { id: _id, created_at: _at, ...template } = envelope;
    return template;
  };

  function hostOrThrow(): ScheduleHost {
    if (host !== null) return host;
    throw new WaybillError(
      "CAPABILITY_MISSING",
      `${backend.address} has no ledger, in which schedules are kept; give it one, as in connect(url, { ledger: "postgres://…" })`,
    );
  }

  return {
    calls: createScheduleCalls(hostOrThrow, makeTemplate, wake),
    runs: ledger && createScheduledRuns(ledger, wake),
    forWorker(worker, schedules, heartbeatMs) {
      if (schedules.length > 0) hostOrThrow();
      if (host === null) return null;
      const made = createWorkerSchedules({ host, schedules, makeTemplate, worker, version, heartbeatMs });
      all.add(made);
      const begin = (): void => {
        if (firesAlone) made.begin();
      };
      const end = async (): Promise<void> => {
        all.delete(made);
        await made.end();
      };
      return { ...made, begin, end };
    },
  };
}
