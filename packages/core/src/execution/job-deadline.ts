import { type Envelope, parseTimestamp } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";

/**
 * Returns when all attempts of a job must have ended, in Unix milliseconds: `deadlineMs` after `scheduled_at`, else after
 * `created_at`. Null without a deadline, and for an envelope that has neither time.
 */
export function endOf({ scheduled_at, created_at }: Envelope, deadlineMs: number | null): number | null {
  const start = scheduled_at ?? created_at;
  return start === undefined || deadlineMs === null ? null : parseTimestamp(start) + deadlineMs;
}

export function pastDeadline(type: string, deadlineMs: number | null): WaybillError {
  return new WaybillError("DEADLINE", `"${type}" had not ended ${deadlineMs} ms after it could first start`);
}
