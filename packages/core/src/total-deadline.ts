import { type Envelope, parseTimestamp } from "./envelope/index.ts";
import { WaybillError } from "./errors.ts";

/**
 * When all attempts of a job together must have ended, in Unix milliseconds: so long after it could first start, which is
 * `scheduled_at`, else `created_at`. Null: never, also for an envelope that tells neither.
 */
export function endOf({ scheduled_at, created_at }: Envelope, deadlineMs: number | null): number | null {
  const start = scheduled_at ?? created_at;
  return start === undefined || deadlineMs === null ? null : parseTimestamp(start) + deadlineMs;
}

export function pastDeadline(type: string, deadlineMs: number | null): WaybillError {
  return new WaybillError("DEADLINE", `"${type}" had not ended ${deadlineMs} ms after it could first start`);
}
