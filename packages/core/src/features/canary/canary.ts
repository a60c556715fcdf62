import { defineJob } from "../../job/define-job.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import { CANARY_TYPE } from "../../job/canary-type.ts";
import { defineSchedule, type Schedule } from "../schedules/define-schedule.ts";

export interface Canary {
  readonly job: JobDefinition;
  /** One for each queue. */
  readonly schedules: readonly Schedule[];
}

/** A job that does nothing, sent through each queue every `everyMs`: once, however many workers ask for it. */
export function canaryOf(queues: readonly string[], everyMs: number): Canary {
  const job = defineJob({ type: CANARY_TYPE, handler: () => undefined });
  const schedules = queues.map((queue) =>
    defineSchedule({
      name: `${CANARY_TYPE}:${queue}`,
      job,
      payload: {},
      queue,
      every: everyMs,
      // Those that wait already say that the queue stands still.
      overlap: "skip",
      missed: "skip",
    }),
  );
  return { job, schedules };
}
