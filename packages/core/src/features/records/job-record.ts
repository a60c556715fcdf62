import type { RecordState, StoredRecord } from "../../backend/record-store.ts";
import { parsedValue } from "../record-value.ts";

/** "lost": the worker died or lost its lease. "running": it has not ended, as far as is known. */
export type AttemptOutcome =
  | "running"
  | "completed"
  | "retried"
  | "released"
  | "dead"
  | "cancelled"
  | "discarded"
  | "lost";

/** One run of a job. */
export interface AttemptRecord {
  /** 1 on the first run; a run after a release or a lost worker has the same number. */
  readonly attempt: number;
  /** The id of the worker: the name of its host, its process and a random part. */
  readonly worker: string;
  /** In Amazon ECS: the id of the worker's task on Fargate, else of its container. Omitted elsewhere. */
  readonly task?: string;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** Null until it has ended, and where its worker was lost. */
  readonly durationMs: number | null;
  readonly outcome: AttemptOutcome;
  /** Of the error or the reason; null for none. */
  readonly code: string | null;
  /** Cut to 8,192 characters; null for none. */
  readonly message: string | null;
  /** Cut to 8,192 characters; null where nothing was thrown. */
  readonly stack: string | null;
}

/** What the handler last reported by `job.progress`. */
export interface ProgressRecord {
  /** How much is done, in units of the handler's own. */
  readonly done: number;
  /** How much there is; null where the handler gave none. */
  readonly total: number | null;
  /** Null where the handler gave none. */
  readonly message: string | null;
  /** Unix milliseconds. */
  readonly at: number;
}

/** One line of `job.log`. */
export interface LogRecord {
  /** Unix milliseconds. */
  readonly at: number;
  /** The number of the attempt, 1 on the first run. */
  readonly attempt: number;
  readonly text: string;
}

/** What happened to one job. */
export interface JobRecord {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Null for none. */
  readonly tenant: string | null;
  readonly state: RecordState;
  /** Why it is in this state; null for no reason. */
  readonly code: string | null;
  /** Null for no reason. */
  readonly message: string | null;
  /** Unix milliseconds; where no producer recorded it, when the job was made or first seen. */
  readonly enqueuedAt: number;
  /** Unix milliseconds: the start of the last run; null before the first. */
  readonly startedAt: number | null;
  /** Unix milliseconds; null for a job that has not ended. */
  readonly endedAt: number | null;
  /** JSON without what `redact` names, cut to 16,384 characters; null where it is not known. */
  readonly payload: string | null;
  /** In the order of their start. */
  readonly attempts: readonly AttemptRecord[];
  /** Null before the first report. */
  readonly progress: ProgressRecord | null;
  /** In the order of time, the last 100 of each run. */
  readonly logs: readonly LogRecord[];
}

/** The names of items: `a` and the run for an attempt, `l` and the run and a number for a line, `p` for the progress. */
export const PROGRESS_ITEM = "p";
export const attemptItem = (run: string): string => `a${run}`;
export const logItem = (run: string, number: number): string => `l${run}.${number}`;

export const isEnded = (state: RecordState): boolean =>
  state !== "waiting" && state !== "running" && state !== "retrying";

/** Reads a stored record. An item that is damaged is left out. Never throws. */
export function jobRecordOf(stored: StoredRecord): JobRecord {
  const { id, type, queue, tenant, state, code, message, enqueuedAt, startedAt, endedAt, payload } = stored;
  const items = Object.entries(stored.items).map(([name, value]) => ({ kind: name[0], value: parsedValue({ value }) }));
  const of = <T>(kind: string): T[] =>
    items
      .filter((item) => item.kind === kind && typeof member(item.value, timeOf(kind)) === "number")
      .map(({ value }) => value as T);
  const attempts = of<AttemptRecord>("a").toSorted((a, b) => a.startedAt - b.startedAt || a.attempt - b.attempt);
  return {
    id,
    type,
    queue,
    tenant,
    state,
    code,
    message,
    enqueuedAt,
    startedAt,
    endedAt,
    payload,
    attempts: attempts.map((one, at) =>
      isLost(one, at === attempts.length - 1, state) ? { ...one, outcome: "lost" } : one,
    ),
    progress: of<ProgressRecord>("p")[0] ?? null,
    logs: of<LogRecord>("l").toSorted((a, b) => a.at - b.at || a.attempt - b.attempt),
  };
}

/** A run that never reported its end, and after which something else happened to the job. */
const isLost = ({ outcome }: AttemptRecord, isLast: boolean, state: RecordState): boolean =>
  outcome === "running" && (!isLast || state !== "running");

const timeOf = (kind: string): string => (kind === "a" ? "startedAt" : "at");
const member = (value: object, name: string): unknown => (value as Record<string, unknown>)[name];
