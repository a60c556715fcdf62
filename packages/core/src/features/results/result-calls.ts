import type { JobControl, StoredJob } from "../../backend/job-control.ts";
import type { Ledger } from "../../backend/ledger.ts";
import type { Seam } from "../../backend/seam.ts";
import { JobDeadError, WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue } from "../../known-options.ts";
import type { EventBus } from "../../observability/events.ts";
import type { JobReference } from "../../job/job-reference.ts";
import { monotonicMs } from "../../time/clock.ts";
import { type Duration, timerMs } from "../../time/duration.ts";
import { type ResultNotifier, resultNotifier } from "./result-notifier.ts";
import { parseEnd, resultKey } from "./result-record.ts";

/** Options of `jobs.result`. */
export interface ResultOptions {
  /** How long to wait for the end of the job. "0s": looks once. Default "30s". */
  readonly timeout?: Duration | undefined;
}

/** The call of a connection that waits for results. */
export interface ResultCalls {
  /**
   * Returns what the handler of a job returned, once it has: at once where the job has ended, within a second of its end
   * otherwise. Its type is that of the receipt's definition, which must have `result`; of an id it is `unknown`, and null where the
   * handler returned nothing. The wait ends with `close`.
   *
   * Rejects `JOB_DEAD`, a `JobDeadError` with the job's own code and message, when the job died, `JOB_CANCELLED` when it was
   * cancelled, `RESULT_TIMEOUT` when it has not ended in time, `RESULT_EXPIRED` for a receipt whose result is no longer kept,
   * `RESULT_UNKNOWN` for an id of which there is neither a job nor a result, and `CAPABILITY_MISSING` without a ledger.
   */
  result<Result>(job: JobReference<Result>, options?: ResultOptions): Promise<Result>;
  result(id: string, options?: ResultOptions): Promise<unknown>;
}

/** How long to wait before the result is read again. */
export interface Paces {
  /** At first, then half as long again each time up to `longestMs`. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** While the ledger reports changes, of which one may be lost. */
  readonly reportedMs: number;
}

const PACES: Paces = { firstMs: 10, longestMs: 500, reportedMs: 1_000 };
/** How often the store is asked whether the job is still there. A job is gone when it was missed twice, this long apart. */
const PRESENCE_MS = 1_000;

/** Makes the call of one connection. */
export function createResultCalls(
  { ledger, jobControl, backend }: Pick<Seam, "ledger" | "jobControl" | "backend">,
  events: EventBus,
  { firstMs, longestMs, reportedMs }: Paces = PACES,
): ResultCalls {
  /** Returns the job of this id; null where the store has none. Throws the reason of a dead letter. */
  async function present(store: JobControl, id: string): Promise<StoredJob | null> {
    const [job = null] = (await store.list({ ids: [id], limit: 1 })).jobs;
    if (job?.state === "dead" && job.reason !== null) throw ended(id, job.reason);
    return job;
  }

  async function result(job: string | JobReference, options: ResultOptions = {}): Promise<unknown> {
    const id = typeof job === "string" ? job : job?.id;
    if (typeof id !== "string" || id === "")
      throw invalid(`result got ${describeValue(job)}: pass a receipt of enqueue, or the id of a job`);
    assertKnownOptions(options, { timeout: true }, "the options of result");
    const timeoutMs = timerMs(options.timeout ?? "30s", "timeout");
    if (ledger === null) {
      const remedy = 'give it one, as in connect(url, { ledger: "postgres://…" })';
      throw new WaybillError(
        "CAPABILITY_MISSING",
        `${backend.address} has no ledger, in which results are kept; ${remedy}`,
      );
    }
    const notifier = resultNotifier(events, id, ledger);
    return looks(ledger, job, id, timeoutMs, notifier).finally(notifier.end);
  }

  /** Looks until the job has ended, or until the time has passed. */
  async function looks(
    store: Ledger,
    job: string | JobReference,
    id: string,
    timeoutMs: number,
    notifier: ResultNotifier,
  ): Promise<unknown> {
    const until = monotonicMs() + timeoutMs;
    let missedAt: number | null = null;
    let presentAt = -Infinity;
    let enqueuedAt: number | null = null;
    for (let waitMs = firstMs; ; waitMs = Math.min(waitMs * 1.5, longestMs)) {
      if (notifier.isCancelled()) throw cancelled(id);
      // Asked before the record is read: what ends between the two has its record.
      let mayBeGone = false;
      if (jobControl !== null && monotonicMs() - presentAt >= PRESENCE_MS) {
        const found = await present(jobControl, id);
        mayBeGone = found === null;
        presentAt = mayBeGone ? -Infinity : monotonicMs();
        enqueuedAt = found?.enqueuedAt ?? enqueuedAt;
      }
      const [record = null] = await store.read([resultKey(id)]);
      const end = record && parseEnd(record);
      if (end?.state === "completed") return end.result ?? null;
      if (end?.state === "dead") throw ended(id, end);
      // The id may have been enqueued again since its cancel.
      if (end?.state === "cancelled" && (enqueuedAt === null ? mayBeGone : enqueuedAt === end.enqueuedAt))
        throw cancelled(id);
      if (!mayBeGone) missedAt = null;
      // A member of a flow may wait in the ledger, where no store sees it.
      else if (typeof job === "string" || !("flow" in job)) {
        missedAt ??= monotonicMs();
        if (monotonicMs() - missedAt >= PRESENCE_MS || timeoutMs === 0) throw gone(id, typeof job === "string");
      }
      const leftMs = until - monotonicMs();
      if (leftMs <= 0) throw new WaybillError("RESULT_TIMEOUT", `job "${id}" has not ended within ${timeoutMs} ms`);
      const paceMs = missedAt === null && notifier.isReporting() ? reportedMs : waitMs;
      await notifier.within(Math.min(paceMs, leftMs));
    }
  }

  return { result: result as ResultCalls["result"] };
}

function ended(id: string, reason: ConstructorParameters<typeof JobDeadError>[1]): WaybillError {
  if (reason.code === "CANCELLED") return cancelled(id);
  return new JobDeadError(id, reason);
}

const cancelled = (id: string): WaybillError => new WaybillError("JOB_CANCELLED", `job "${id}" was cancelled`);

function gone(id: string, isBareId: boolean): WaybillError {
  if (isBareId) {
    const message = `there is neither a job nor a result of id "${id}": it was never enqueued, its result has expired, or its definition has no result`;
    return new WaybillError("RESULT_UNKNOWN", message);
  }
  const message = `job "${id}" has ended, and no result is kept: raise keepResult of its definition, or give the definition a result`;
  return new WaybillError("RESULT_EXPIRED", message);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
