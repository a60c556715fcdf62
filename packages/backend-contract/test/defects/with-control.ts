import type { ControlResult, JobControl, JobState, Lease, StoredJob } from "@waybill/core/backend";
import { always, type Spoil, type Whole } from "./planted.ts";
import { withKeys } from "./with-keys.ts";

/** Replaces part of the job control, where there is one. */
export const controls = (spoil: (good: JobControl) => Partial<JobControl>): (() => Spoil) =>
  always(({ jobControl }) => (jobControl ? { jobControl: { ...jobControl, ...spoil(jobControl) } } : {}));

/** Changes each job that is listed. */
export const shows = (change: (job: StoredJob) => Partial<StoredJob>): (() => Spoil) =>
  controls((good) => ({
    async list(query) {
      const { jobs, next } = await good.list(query);
      return { jobs: jobs.map((job) => ({ ...job, ...change(job) })), next };
    },
  }));

/** The job control of a backend that has one, so that a defect which needs the other verbs can be planted in it. */
export const where = (spoil: (good: Whole, jobControl: JobControl) => Partial<Whole>): (() => Spoil) =>
  always((good) => (good.jobControl ? spoil(good, good.jobControl) : {}));

/** Remembers each lease that was given and not settled, its end by time excepted. */
export function leased(
  good: Whole,
): { readonly held: Map<string, Lease> } & Pick<Whole, "lease" | "retry" | "deadLetter"> {
  const held = new Map<string, Lease>();
  return {
    held,
    async lease(request) {
      const found = await good.lease(request);
      for (const lease of found) held.set(lease.id, lease);
      return found;
    },
    retry(lease, request) {
      held.delete(lease.id);
      return good.retry(lease, request);
    },
    deadLetter(lease, reason) {
      held.delete(lease.id);
      return good.deadLetter(lease, reason);
    },
  };
}

/** Treats some jobs in another way, one by one, and the others as it should. */
export const each =
  (
    good: JobControl,
    change: (ids: readonly string[]) => Promise<ControlResult[]>,
    spoil: (job: StoredJob) => Promise<ControlResult> | null,
  ) =>
  async (ids: readonly string[]): Promise<ControlResult[]> => {
    const { jobs } = await good.list({ ids, limit: 1_000 });
    const spoiled = new Map<string, Promise<ControlResult>>();
    for (const job of jobs) {
      const result = spoil(job);
      if (result !== null) spoiled.set(job.id, result);
    }
    const results = await change(ids.filter((id) => !spoiled.has(id)));
    return Promise.all(ids.map((id) => spoiled.get(id) ?? (results.shift() as ControlResult)));
  };

export const cancels = (spoil: (job: StoredJob, good: Whole) => Promise<ControlResult> | null): (() => Spoil) =>
  where((good, jobControl) => ({
    jobControl: { ...jobControl, cancel: each(jobControl, jobControl.cancel, (job) => spoil(job, good)) },
  }));

export const reschedules = (
  spoil: (job: StoredJob, delayMs: number, good: Whole) => Promise<ControlResult> | null,
): (() => Spoil) =>
  where((good, jobControl) => ({
    jobControl: {
      ...jobControl,
      reschedule: (ids, delayMs) =>
        each(
          jobControl,
          (some) => jobControl.reschedule(some, delayMs),
          (job) => spoil(job, delayMs, good),
        )(ids),
    },
  }));

/** A job that is cancelled in this state keeps a slot of each of its keys. */
export const leaksAtCancel = (state: JobState): (() => Spoil) =>
  where((good, jobControl) => {
    const { enqueue, leak } = withKeys(good);
    return {
      enqueue,
      jobControl: {
        ...jobControl,
        async cancel(ids) {
          for (const job of (await jobControl.list({ ids, state, limit: 1_000 })).jobs) await leak(job);
          return jobControl.cancel(ids);
        },
      },
    };
  });

/** Cancels some jobs in another way, and knows the leases that were given and not settled. */
export const cancelsLeased = (
  spoil: (job: StoredJob, held: ReadonlyMap<string, Lease>, good: Whole) => Promise<ControlResult> | null,
): (() => Spoil) =>
  where((good, jobControl) => {
    const { held, ...verbs } = leased(good);
    return {
      ...verbs,
      jobControl: { ...jobControl, cancel: each(jobControl, jobControl.cancel, (job) => spoil(job, held, good)) },
    };
  });

/** The delivery of a job that is in the store no more. */
export function deliveryOf({ id, type, queue, tenant, priority, attempt, body }: StoredJob): Lease {
  const label = { id, type, queue, tenant, priority, body };
  return { ...label, attempt, lost: 0, releases: 0, signature: null, dueAt: null, expiresAt: null, token: null };
}
