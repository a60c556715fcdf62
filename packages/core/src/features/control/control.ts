import type { JobControl } from "../../backend/job-control.ts";
import { describeValue } from "../../known-options.ts";
import { wallMs } from "../../time/clock.ts";
import type { Control } from "./control-api.ts";
import type { ControlSettings } from "./control-settings.ts";
import { createCancel } from "./cancel.ts";
import { judgedList } from "./judged-query.ts";
import { assertId, invalid, jobControlFor } from "./refusals.ts";
import { createPauses } from "./pauses.ts";
import { createReschedule } from "./reschedule.ts";

/** Makes the calls of one connection. */
export function createControl(settings: ControlSettings): Control {
  const { seam } = settings;

  /** The backend's own, else what is recorded of its jobs. Rejects `CAPABILITY_MISSING` where there is neither. */
  async function listed(): Promise<Pick<JobControl, "list">> {
    if (seam.jobControl !== null || seam.records === null) return jobControlFor(seam, "list and find");
    const { createRecordedJobs } = await import("../records/recorded-jobs.ts");
    const recorded = createRecordedJobs(seam.records);
    return (await recorded.hasAny()) ? recorded : jobControlFor(seam, "list and find");
  }

  const cancel = createCancel(settings);
  const { move } = createReschedule(settings);

  return {
    async find(id) {
      assertId(id, "find");
      const { jobs } = await (await listed()).list({ ids: [id], limit: 1 });
      return jobs[0] ?? null;
    },
    async list(query = {}) {
      const judged = judgedList(query);
      return (await listed()).list(judged);
    },
    cancel,
    runNow: (job, options) => move("runNow", job, 0, options),
    async reschedule(job, at, options) {
      if (!(at instanceof Date) || Number.isNaN(at.getTime())) {
        throw invalid(`reschedule got ${describeValue(at)} for its time: pass a Date, such as one of an hour from now`);
      }
      const delayMs = at.getTime() - wallMs();
      if (delayMs <= 0)
        throw invalid(`reschedule got ${at.toISOString()}, which is past: call runNow to run jobs at once`);
      const { maxDelayMs } = seam.backend.capabilities;
      if (delayMs > maxDelayMs)
        throw invalid(`reschedule got ${at.toISOString()}: this backend delays a job by ${maxDelayMs} ms at most`);
      return move("reschedule", job, Math.ceil(delayMs), options);
    },
    ...createPauses(settings),
  };
}
