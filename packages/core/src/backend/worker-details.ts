import { momentOf } from "./foreign-records.ts";

/** A job that a worker has leased. */
export interface WorkerJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** The number of the attempt that runs, or will: failures settled so far, plus one. */
  readonly attempt: number;
  /** When it got the job, in Unix milliseconds by its own clock. */
  readonly since: number;
  /** False: it waits in the worker for a slot. */
  readonly running: boolean;
}

/** A job that a worker has returned to its queue: it failed and waits for its next attempt, or was released. */
export interface ReturnedJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** "retry": the attempt failed. "release": no attempt was spent. */
  readonly how: "retry" | "release";
  /** The attempt that ended. */
  readonly attempt: number;
  /** Why: the code of the error or of the release, and one sentence of at most 200 characters. */
  readonly code: string;
  readonly message: string;
  /** Unix milliseconds by the worker's clock. */
  readonly at: number;
  /** When it is to be delivered again, in Unix milliseconds by the worker's clock. */
  readonly dueAt: number;
}

/** What a worker reports of its jobs, so that `why` can say it. Each member is bounded, and absent where an older release reports. */
export interface WorkerDetails {
  /** The types that it runs, each with the highest payload version that it knows; "*": any type. Absent with more than 200 types. */
  readonly types?: Readonly<Record<string, number>>;
  /** How long its leases last, unless they are extended. Absent: an older release. */
  readonly leaseMs?: number;
  /** The jobs that it has had longest, at most 50. */
  readonly jobs?: readonly WorkerJob[];
  /** How many it has in all. */
  readonly leased?: number;
  /** The jobs that it returned last, the newest first, at most 30. */
  readonly returned?: readonly ReturnedJob[];
  /** The most leases at a time that it keeps to: by queue, and by the name of a limit. */
  readonly concurrencyLimits?: {
    readonly queues: Readonly<Record<string, number>>;
    readonly names: Readonly<Record<string, number>>;
  };
}

/** Returns the facts with the details that a worker writes. One of another form is left out: another program wrote it. */
export function withDetails<Facts extends object>(facts: Facts): Omit<Facts, keyof WorkerDetails> & WorkerDetails {
  const { types, leaseMs, jobs, leased, returned, concurrencyLimits, ...others } = facts as Facts & {
    readonly [Name in keyof WorkerDetails]?: unknown;
  };
  return {
    ...others,
    ...(isNumbers(types) && { types }),
    ...(typeof leaseMs === "number" && { leaseMs }),
    ...(isListOf(jobs, isWorkerJob) && { jobs }),
    ...(typeof leased === "number" && { leased }),
    ...(isListOf(returned, isReturnedJob) && { returned }),
    ...(isLimits(concurrencyLimits) && { concurrencyLimits }),
  };
}

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members => typeof value === "object" && value !== null;

const isNumbers = (value: unknown): value is Readonly<Record<string, number>> =>
  isObject(value) && Object.values(value).every((one) => typeof one === "number");

function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isOne);
}

function isWorkerJob(value: unknown): value is WorkerJob {
  if (!isObject(value)) return false;
  const { id, type, queue, attempt, since, running } = value;
  return (
    [id, type, queue].every((text) => typeof text === "string") &&
    typeof attempt === "number" &&
    momentOf(since) !== null &&
    typeof running === "boolean"
  );
}

function isReturnedJob(value: unknown): value is ReturnedJob {
  if (!isObject(value)) return false;
  const { id, type, queue, how, attempt, code, message, at, dueAt } = value;
  return (
    [id, type, queue, code, message].every((text) => typeof text === "string") &&
    (how === "retry" || how === "release") &&
    typeof attempt === "number" &&
    momentOf(at) !== null &&
    momentOf(dueAt) !== null
  );
}

function isLimits(value: unknown): value is NonNullable<WorkerDetails["concurrencyLimits"]> {
  return isObject(value) && isNumbers(value["queues"]) && isNumbers(value["names"]);
}
