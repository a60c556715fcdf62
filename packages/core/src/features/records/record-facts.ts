import type { StoredRecord } from "../../backend/record-store.ts";
import { type Envelope, formatTimestamp } from "../../envelope/index.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";
import { parsedValue } from "../record-value.ts";

/**
 * What a record keeps of a job beside what it shows, so that `why` can say it where the broker lets no one look. The names of items: `e`
 * for members of the envelope, `d` for when a returned job is due, `c` for who cancelled a waiting one, or dropped its dead letter.
 */
export const LABEL_ITEM = "e";
export const DUE_ITEM = "d";
export const CANCEL_ITEM = "c";
/** The code of a discarded job that was a dead letter. */
export const DROPPED = "DROPPED";
export const NO_ITEMS: Readonly<Record<string, string>> = {};

/** Returns the item of the members of an envelope that decide when and where its job runs; none where all are as by default. */
export function labelItems(
  { scheduled_at, expires_at, retry, meta }: Envelope,
  hide: (text: string) => string,
): Readonly<Record<string, string>> {
  const { limits, payload_version, flow } = meta ?? {};
  // Most jobs: this runs twice for each.
  if ((scheduled_at ?? expires_at ?? retry ?? limits ?? payload_version ?? flow) === undefined) return NO_ITEMS;
  const hidden = limits && Object.fromEntries(Object.entries(limits).map(([name, key]) => [name, hide(key)]));
  const kept = { limits: hidden, payload_version, flow };
  const hasMeta = Object.values(kept).some((one) => one !== undefined);
  const label = { scheduled_at, expires_at, retry, meta: hasMeta ? kept : undefined };
  return { [LABEL_ITEM]: JSON.stringify(label) };
}

/** Returns the envelope of a recorded job, without its arguments; null where the record makes none. */
export function recordedEnvelope({ id, type, queue, enqueuedAt, items }: StoredRecord): Envelope | null {
  const label = parsedValue({ value: items[LABEL_ITEM] ?? "{}" });
  const base = { spec: "waybill/1", id, type, queue, args: [], created_at: formatTimestamp(enqueuedAt) };
  return envelopeOfBody(JSON.stringify({ ...base, ...label }));
}

/** How a job was returned to its queue. Times are Unix milliseconds. */
export interface RecordedReturn {
  /** When that was, as the record has it. */
  readonly at: number;
  readonly until: number;
  readonly worker: string;
  readonly attempt: number;
}

export const dueItem = (returned: RecordedReturn): Record<string, string> => ({ [DUE_ITEM]: JSON.stringify(returned) });

/** Returns how a job that waits was returned to its queue; null where its record does not say, or is of a later state. */
export function recordedDue({ at: since, items }: StoredRecord): RecordedReturn | null {
  const { at, until, worker, attempt } = parsedValue({ value: items[DUE_ITEM] ?? "{}" });
  if (at !== since || typeof until !== "number" || typeof worker !== "string" || typeof attempt !== "number")
    return null;
  return { at: since, until, worker, attempt };
}

/** Returns who cancelled a job before it ran, or dropped its dead letter; null where its record does not say. */
export function recordedCanceller({ items }: StoredRecord): string | null {
  const { by } = parsedValue({ value: items[CANCEL_ITEM] ?? "{}" });
  return typeof by === "string" ? by : null;
}
