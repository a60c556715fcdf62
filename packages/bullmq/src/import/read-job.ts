import type { ForeignJob } from "@waybill/core/import";
import type { RawJob } from "./set-aside.ts";

/** The options of a job that are read. BullMQ stores more. */
interface JobOptions {
  readonly attempts?: number;
  readonly backoff?: number | { readonly type?: string; readonly delay?: number; readonly jitter?: number };
}

const LONGEST_MS = 366 * 86_400_000;
const LEAST_MS = 1;

/** Reads a job of BullMQ as its hash has it. Members that cannot be read have defaults, so that one odd job does not stop the rest. */
export function readJob(queue: string, { id, state, score, fields }: RawJob, stays: string | null): ForeignJob {
  const options = parsed(fields.get("opts"), {}) as JobOptions;
  const attemptsMade = wholeNumber(fields.get("atm") ?? fields.get("attemptsMade"));
  const theirs = wholeNumber(fields.get("priority"));
  const failedReason = fields.get("failedReason");
  const attempts = Math.max(1, wholeNumber(options.attempts));
  const isFailed = state === "failed";
  return {
    id,
    queue,
    name: fields.get("name") ?? "",
    data: parsed(fields.get("data"), fields.get("data")),
    state: isFailed ? "failed" : state === "delayed" ? "delayed" : "waiting",
    createdAt: wholeNumber(fields.get("timestamp")),
    // The lower 12 bits keep the order of jobs of one millisecond.
    dueAt: state === "delayed" ? Math.floor(Number(score) / 4_096) : null,
    // There 1 is first, and jobs without a priority are before all that have one.
    priority: -Math.min(100, theirs),
    attemptsMade,
    retry: {
      // A failed job has all its attempts again when its dead letter is replayed.
      maxAttempts: Math.min(100, Math.max(1, isFailed ? attempts : attempts - attemptsMade)),
      ...delaysOf(options.backoff, isFailed ? 0 : attemptsMade),
    },
    error: failedReason === undefined ? null : { message: failedReason, stack: stackOf(fields.get("stacktrace")) },
    stays,
  };
}

/** The delays that follow. BullMQ's `backoff` of a type of the program's own has no equal here: then those of the definition apply. */
function delaysOf(backoff: JobOptions["backoff"], attemptsMade: number): Partial<ForeignJob["retry"]> {
  if (backoff === undefined || backoff === 0) return { initial: LEAST_MS, factor: 1, jitter: false };
  const { type = "fixed", delay = 0, jitter = 0 } = typeof backoff === "number" ? { delay: backoff } : backoff;
  if (type !== "fixed" && type !== "exponential") return {};
  const factor = type === "fixed" ? 1 : 2;
  const initial = Math.min(LONGEST_MS, Math.max(LEAST_MS, Math.round(delay * factor ** attemptsMade)));
  return { initial, factor, max: LONGEST_MS, jitter: jitter > 0 };
}

function stackOf(text: string | undefined): string[] {
  const traces: unknown = parsed(text, []);
  const last: unknown = Array.isArray(traces) ? traces.at(-1) : null;
  return typeof last === "string" ? last.split("\n").slice(1, 9) : [];
}

function parsed(text: string | undefined, otherwise: unknown): unknown {
  try {
    return text === undefined ? otherwise : (JSON.parse(text) as unknown);
  } catch {
    return otherwise;
  }
}

function wholeNumber(value: unknown): number {
  const number = Math.floor(Number(value ?? 0));
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
