import type { ForeignJob } from "@waybill/core/import";

/** A row of pg-boss's table of jobs as JSON, and its times in Unix milliseconds, rounded up. */
export interface PgBossRow {
  readonly id: string;
  readonly name: string;
  readonly priority: number;
  readonly data: unknown;
  readonly state: "created" | "retry" | "failed";
  readonly retry_limit: number;
  readonly retry_count: number;
  /** Seconds. */
  readonly retry_delay: number;
  readonly retry_backoff: boolean;
  /** Seconds. */
  readonly retry_delay_max: number | null;
  readonly output: unknown;
  readonly blocked: boolean;
  readonly blocking: boolean;
  readonly created_ms: number;
  readonly start_after_ms: number;
}

const LONGEST_MS = 366 * 86_400_000;

/** Reads one job. The row has the types of its columns. */
export function readJob(row: PgBossRow): ForeignJob {
  const { id, name, state, retry_limit: limit, retry_count: count } = row;
  const attemptsMade = state === "created" ? 0 : count + 1;
  const isDeferred = row.start_after_ms > row.created_ms && state !== "failed";
  return {
    id,
    queue: name,
    name,
    data: row.data,
    state: state === "failed" ? "failed" : isDeferred ? "delayed" : "waiting",
    createdAt: row.created_ms,
    dueAt: isDeferred ? row.start_after_ms : null,
    priority: Math.max(-100, Math.min(100, row.priority)),
    attemptsMade,
    retry: {
      // A failed job has all its attempts again when its dead letter is replayed.
      maxAttempts: Math.min(100, Math.max(1, state === "failed" ? limit + 1 : limit + 1 - attemptsMade)),
      ...delaysOf(row, state === "failed" ? 0 : attemptsMade),
    },
    error: errorOf(row.output),
    stays: row.blocked || row.blocking ? "it is part of a flow, which pg-boss's workers finish" : null,
  };
}

/** With backoff, pg-boss waits one to two times `retry_delay` × 2^n. Half to one and a half times its mean is nearest to that. */
function delaysOf(row: PgBossRow, attemptsMade: number): Partial<ForeignJob["retry"]> {
  const delayMs = row.retry_delay * 1_000;
  if (!row.retry_backoff) return { initial: within(delayMs), factor: 1, max: LONGEST_MS, jitter: false };
  const initial = Math.max(1_000, delayMs) * 2 ** attemptsMade * 1.5;
  const max = row.retry_delay_max === null ? LONGEST_MS : row.retry_delay_max * 1_000;
  return { initial: within(initial), factor: 2, max: within(max), jitter: true };
}

const within = (ms: number): number => Math.min(LONGEST_MS, Math.max(1, Math.round(ms)));

function errorOf(output: unknown): ForeignJob["error"] {
  if (typeof output !== "object" || output === null) return null;
  const { message, stack, value } = output as Readonly<Record<string, unknown>>;
  if (typeof message !== "string") return errorOf(value);
  return { message, stack: typeof stack === "string" ? stack.split("\n").slice(1, 9) : [] };
}
