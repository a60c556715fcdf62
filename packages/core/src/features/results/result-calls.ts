import type { Seam } from "../../backend/seam.ts";
import { JobDeadError, WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue } from "../../known-options.ts";
import type { EventBus } from "../../observability/events.ts";
import type { JobReference } from "../../job/job-reference.ts";
import { monotonicMs } from "../../time/clock.ts";
import { type Duration, timerMs } from "../../time/duration.ts";
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

const FIRST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 500;
/** How often the store is asked whether the job is still there. A job is gone when it was missed twice, this long apart. */
const PRESENCE_MS = 1_000;

/** Makes the call of one connection. */
export function createResultCalls(
  { ledger, jobControl, backend }: Pick<Seam, "ledger" | "jobControl" | "backend">,
  events: EventBus,
): ResultCalls {
  /** Sleeps until the time has passed, or a worker of this connection has settled the job. */
  function nextLook(id: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        off();
        resolve();
      };
      const off = events.on("settled", (event) => void (event.id === id && end()));
      const timer = setTimeout(end, ms);
    });
  }

  /** Throws the reason of a dead letter. Returns whether the store has no job of this id. */
  async function isGone(id: string): Promise<boolean> {
    if (jobControl === null) return false;
    const [job] = (await jobControl.list({ ids: [id], limit: 1 })).jobs;
    if (job?.state === "dead" && job.reason !== null) throw ended(id, job.reason);
    return job === undefined;
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
    const until = monotonicMs() + timeoutMs;
    let missedAt: number | null = null;
    let presentAt = -Infinity;
    for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(waitMs * 1.5, LONGEST_LOOK_MS)) {
      // Asked before the record is read: what ends between the two has its record.
      const mayBeGone = monotonicMs() - presentAt >= PRESENCE_MS && (await isGone(id));
      if (mayBeGone) presentAt = -Infinity;
      else if (monotonicMs() - presentAt >= PRESENCE_MS) presentAt = monotonicMs();
      const [record = null] = await ledger.read([resultKey(id)]);
      const end = record && parseEnd(record);
      if (end?.state === "completed") return end.result ?? null;
      if (end?.state === "dead") throw ended(id, end);
      if (!mayBeGone) missedAt = null;
      // A member of a flow may wait in the ledger, where no store sees it.
      else if (typeof job === "string" || !("flow" in job)) {
        missedAt ??= monotonicMs();
        if (monotonicMs() - missedAt >= PRESENCE_MS || timeoutMs === 0) throw gone(id, typeof job === "string");
      }
      const leftMs = until - monotonicMs();
      if (leftMs <= 0) throw new WaybillError("RESULT_TIMEOUT", `job "${id}" has not ended within ${timeoutMs} ms`);
      await nextLook(id, Math.min(waitMs, leftMs));
    }
  }

  return { result: result as ResultCalls["result"] };
}

function ended(id: string, reason: ConstructorParameters<typeof JobDeadError>[1]): WaybillError {
  if (reason.code === "CANCELLED") return new WaybillError("JOB_CANCELLED", `job "${id}" was cancelled`);
  return new JobDeadError(id, reason);
}

function gone(id: string, isBareId: boolean): WaybillError {
  if (isBareId) {
    const message = `there is neither a job nor a result of id "${id}": it was never enqueued, its result has expired, or its definition has no result`;
    return new WaybillError("RESULT_UNKNOWN", message);
  }
  const message = `job "${id}" has ended, and no result is kept: raise keepResult of its definition, or give the definition a result`;
  return new WaybillError("RESULT_EXPIRED", message);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
