import { assertKnownOptions } from "../../known-options.ts";
import type { StoredJob } from "../../backend/job-control.ts";
import type { ControlOptions, RescheduleReport } from "./control-api.ts";
import type { ControlSettings } from "./control-settings.ts";
import { judgedFilter, type JobFilter } from "./judged-query.ts";
import { eachPage } from "./matching-jobs.ts";
import { assertId, jobControlFor } from "./refusals.ts";

type Counts = { -readonly [Name in keyof RescheduleReport]: number };

export interface Reschedule {
  /** Makes jobs ready `delayMs` from now; 0: at once. `call` names the call in errors. */
  move(call: string, job: string | JobFilter, delayMs: number, options?: ControlOptions): Promise<RescheduleReport>;
}

export function createReschedule({ seam }: Pick<ControlSettings, "seam">): Reschedule {
  return {
    async move(call, job, delayMs, options = {}) {
      assertKnownOptions(options, { dryRun: true }, `the options of ${call}`);
      const { dryRun = false } = options;
      const counts: Counts = { rescheduled: 0, leased: 0, dead: 0, absent: 0 };
      const jobControl = jobControlFor(seam, call);

      async function apply(jobs: readonly StoredJob[]): Promise<void> {
        if (dryRun) {
          for (const { state } of jobs) counts[state === "dead" || state === "leased" ? state : "rescheduled"] += 1;
          return;
        }
        const results = await jobControl.reschedule(
          jobs.map(({ id }) => id),
          delayMs,
        );
        for (const at of jobs.keys()) {
          const result = results[at] ?? "absent";
          counts[result === "done" ? "rescheduled" : result] += 1;
        }
      }

      if (typeof job !== "object" || job === null) {
        assertId(job, call);
        const { jobs } = await jobControl.list({ ids: [job], limit: 1 });
        if (jobs.length === 0) return { ...counts, absent: 1 };
        await apply(jobs);
        return counts;
      }
      // A job that is ready runs now as it is, and would only lose its place.
      const states = delayMs === 0 ? (["delayed"] as const) : (["ready", "delayed", "waiting"] as const);
      await eachPage(jobControl, judgedFilter(job, call), states, apply);
      return counts;
    },
  };
}
