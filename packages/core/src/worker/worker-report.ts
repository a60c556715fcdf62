import type { Lease } from "../backend/contract.ts";
import type { ReturnedJob, WorkerDetails, WorkerJob } from "../backend/worker-details.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import type { Outcome } from "../job/outcome.ts";
import { wallMs } from "../time/clock.ts";
import type { InFlightJobs } from "./in-flight-jobs.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** What a worker says of its jobs with each heartbeat, so that `why` can say who has a job and why it was returned. */
export interface WorkerReport {
  facts(): WorkerDetails;
  /** A job is back in its queue. */
  returned(lease: Lease, outcome: Outcome): void;
  /** A job has ended. */
  ended(id: string): void;
}

export interface WorkerReportSettings {
  readonly settings: Pick<WorkerSettings, "leaseMs" | "numbers">;
  readonly jobs: readonly JobDefinition[];
  readonly inFlight: InFlightJobs;
}

/** Each is bounded: a heartbeat is one small record. */
const MOST_TYPES = 200;
const MOST_JOBS = 50;
const MOST_RETURNED = 30;
const LONGEST_MESSAGE = 200;

export function createWorkerReport({ settings, jobs, inFlight }: WorkerReportSettings): WorkerReport {
  const { leaseMs, numbers } = settings;
  const fixed = { leaseMs, ...typesOf(jobs), ...limitsOf(numbers) };
  /** By id, the newest last. */
  const returned = new Map<string, ReturnedJob>();

  function longestLeased(): WorkerJob[] {
    const found: WorkerJob[] = [];
    const now = wallMs();
    for (const job of inFlight) {
      if (found.length === MOST_JOBS) break;
      const { id, type, queue, attempt } = job.lease;
      const since = Math.round(now - job.ageMs);
      found.push({ id, type, queue, attempt, since, running: job.state !== "leased" });
    }
    return found;
  }

  return {
    facts: () => ({
      ...fixed,
      jobs: longestLeased(),
      leased: inFlight.size,
      returned: [...returned.values()].toReversed(),
    }),
    returned({ id, type, queue, attempt }, outcome) {
      if (outcome.kind !== "retry" && outcome.kind !== "release") return;
      returned.delete(id);
      const { kind: how, delayMs, reason } = outcome;
      // It is ready again, and nothing of it waits.
      if (how === "release" && delayMs <= 0) return;
      const at = wallMs();
      const said = { code: reason.code, message: reason.message.slice(0, LONGEST_MESSAGE) };
      returned.set(id, { id, type, queue, how, attempt, ...said, at, dueAt: Math.ceil(at + delayMs) });
      const [oldest] = returned.keys();
      if (returned.size > MOST_RETURNED && oldest !== undefined) returned.delete(oldest);
    },
    ended: (id) => void returned.delete(id),
  };
}

function typesOf(jobs: readonly JobDefinition[]): Pick<WorkerDetails, "types"> {
  if (jobs.length > MOST_TYPES) return {};
  // JSON has no Infinity, the version of a job that stands for any type.
  return {
    types: Object.fromEntries(jobs.map(({ type, version }) => [type, Math.min(version, Number.MAX_SAFE_INTEGER)])),
  };
}

function limitsOf({ concurrency, queues }: WorkerSettings["numbers"]): Pick<WorkerDetails, "concurrencyLimits"> {
  const ofQueues = [...queues].flatMap(([queue, { concurrency: most }]) => (most === undefined ? [] : [[queue, most]]));
  if (concurrency.size === 0 && ofQueues.length === 0) return {};
  return { concurrencyLimits: { queues: Object.fromEntries(ofQueues), names: Object.fromEntries(concurrency) } };
}
