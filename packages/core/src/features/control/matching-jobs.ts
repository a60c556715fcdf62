import type { JobControl, JobState, StoredJob } from "../../backend/job-control.ts";
import type { JobFilter } from "./judged-query.ts";

/** Jobs have bodies, and a body may have a megabyte: one page has this many. */
const PAGE = 200;

/** Calls `each` with the jobs that match, page by page, in one of these states unless the filter names another. */
export async function eachPage(
  jobControl: JobControl,
  filter: JobFilter,
  states: readonly JobState[],
  each: (jobs: readonly StoredJob[]) => Promise<void>,
): Promise<void> {
  for (let after: string | null | undefined; after !== null;) {
    const query = { ...filter, limit: PAGE, ...(after !== undefined && { after }) };
    const page = await jobControl.list(query);
    const jobs = page.jobs.filter(({ state }) => filter.state !== undefined || states.includes(state));
    if (jobs.length > 0) await each(jobs);
    after = page.next;
  }
}
