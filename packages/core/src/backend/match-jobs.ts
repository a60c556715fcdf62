import type { JobQuery, StoredJob } from "./job-control.ts";

/**
 * Returns a function that returns whether a job passes every filter of the query, `limit` and `after` excepted. For backends
 * whose store cannot filter. Never throws.
 */
export function matchJobs(query: JobQuery): (job: StoredJob) => boolean {
  const { queue, type, state, tenant, ids, since } = query;
  const text = query.text?.toLowerCase();
  const wanted = ids && new Set(ids);
  return (job) =>
    (queue === undefined || job.queue === queue) &&
    (type === undefined || job.type === type) &&
    (state === undefined || job.state === state) &&
    (tenant === undefined || job.tenant === tenant) &&
    (wanted === undefined || wanted.has(job.id)) &&
    // A job of an unknown time does not match.
    (since === undefined || (job.enqueuedAt !== null && job.enqueuedAt >= since)) &&
    (text === undefined || job.body.toLowerCase().includes(text));
}
