import type { ControlResult, JobControl, StoredJob } from "../../backend/job-control.ts";
import { assertKnownOptions } from "../../known-options.ts";
import { wallMs } from "../../time/clock.ts";
import { within } from "../../time/time-limit.ts";
import { cancelledChange } from "../results/result-record.ts";
import type { CancelReport, Control } from "./control-api.ts";
import type { ControlSettings } from "./control-settings.ts";
import { cancelKey, cancelValue } from "./control-records.ts";
import { judgedFilter } from "./judged-query.ts";
import { eachPage } from "./matching-jobs.ts";
import { assertId, jobControlFor, ledgerFor } from "./refusals.ts";

type Counts = { -readonly [Name in keyof CancelReport]: number };

/** How long a cancel is kept for a job that has not been seen. SQS keeps a message for 14 days at most. */
const KEPT_MS = 14 * 86_400_000;
/** A cancel of waiting jobs needs no ledger, so it waits no longer for it. */
const LEDGER_MS = 1_000;

export function createCancel({ seam, events, changed, cancelMembers }: ControlSettings): Control["cancel"] {
  /** Asks the workers to end these jobs. A cancel that is recorded already is renewed. */
  async function record(jobs: readonly Pick<StoredJob, "id" | "enqueuedAt">[]): Promise<void> {
    const at = wallMs();
    await ledgerFor(seam, "cancel of a job that runs").commit(
      jobs.map(({ id, enqueuedAt }) => {
        const value = cancelValue(id, at, enqueuedAt);
        return { key: cancelKey(id), ifVersion: "any", value, expiresInMs: KEPT_MS };
      }),
    );
    changed();
  }

  async function cancelListed(jobControl: JobControl, jobs: readonly StoredJob[], counts: Counts): Promise<void> {
    // Before anything is changed: without a ledger none of them is cancelled.
    if (jobs.some(({ state }) => state === "leased")) ledgerFor(seam, "cancel of a job that runs");
    const remove = (): Promise<ControlResult[]> => jobControl.cancel(jobs.map(({ id }) => id));
    const results = await (cancelMembers === undefined ? remove() : cancelMembers(jobs, remove));
    const running: StoredJob[] = [];
    const removed: StoredJob[] = [];
    for (const [at, job] of jobs.entries()) {
      const { id, type, queue } = job;
      const result = results[at] ?? "absent";
      if (result === "leased") running.push(job);
      else if (result === "done") {
        removed.push(job);
        events.emit("cancelled", { id, type, queue });
      }
      counts[result === "done" ? "cancelled" : result === "leased" ? "aborting" : result] += 1;
    }
    if (running.length > 0) await record(running);
    if (removed.length > 0) await keepEnds(removed);
  }

  /** Keeps their ends for `jobs.result` of other connections. They are cancelled with or without the ledger. */
  async function keepEnds(jobs: readonly StoredJob[]): Promise<void> {
    if (seam.ledger === null) return;
    const kept = seam.ledger.commit(jobs.map(cancelledChange));
    await within(
      kept.catch(() => undefined),
      LEDGER_MS,
    );
  }

  function count(jobs: readonly StoredJob[], counts: Counts): void {
    for (const { state } of jobs)
      counts[state === "dead" ? "dead" : state === "leased" ? "aborting" : "cancelled"] += 1;
  }

  return async (job, options = {}) => {
    assertKnownOptions(options, { dryRun: true }, "the options of cancel");
    const { dryRun = false } = options;
    const counts: Counts = { cancelled: 0, aborting: 0, recorded: 0, dead: 0, absent: 0 };
    if (typeof job !== "object" || job === null) {
      assertId(job, "cancel");
      if (seam.jobControl === null) {
        ledgerFor(seam, "cancel");
        if (!dryRun) await record([{ id: job, enqueuedAt: null }]);
        return { ...counts, recorded: 1 };
      }
      const { jobs } = await seam.jobControl.list({ ids: [job], limit: 1 });
      if (jobs.length === 0) return { ...counts, absent: 1 };
      if (dryRun) count(jobs, counts);
      else await cancelListed(seam.jobControl, jobs, counts);
      return counts;
    }
    const filter = judgedFilter(job, "cancel");
    const jobControl = jobControlFor(seam, "cancel by a query");
    await eachPage(jobControl, filter, ["ready", "delayed", "waiting", "leased"], async (jobs) => {
      if (dryRun) count(jobs, counts);
      else await cancelListed(jobControl, jobs, counts);
    });
    return counts;
  };
}
