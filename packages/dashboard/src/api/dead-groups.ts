import type { DeadLetterRecord } from "@waybill/core";
import { hiding } from "./job-view.ts";
import type { Paths } from "./redact.ts";

/** Dead letters of one type that died alike. */
export interface DeadGroup {
  /** The same for the same group in the next response. */
  readonly key: string;
  readonly code: string;
  /** Of the newest one, at most 300 characters. */
  readonly message: string;
  readonly type: string;
  readonly queue: string;
  readonly count: number;
  /** Unix milliseconds; null where the store does not keep it. */
  readonly newest: number | null;
  readonly oldest: number | null;
  /** Newest first. */
  readonly ids: readonly string[];
  /** Records that cannot become jobs again. */
  readonly damaged: number;
}

/** Groups by code, type, queue and the message with its numbers, ids and quoted texts taken out. Largest group first. */
export function deadGroups(records: readonly DeadLetterRecord[], paths: Paths): DeadGroup[] {
  const groups = new Map<string, DeadLetterRecord[]>();
  for (const found of records) {
    const record = { ...found, reason: hiding(found.body, paths)(found.reason) };
    const { reason, type, queue } = record;
    const key = JSON.stringify([reason.code, type, queue, shapeOf(reason.error?.message ?? reason.message)]);
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [record]);
    else members.push(record);
  }
  return [...groups].map(([key, members]) => groupOf(key, members)).toSorted((a, b) => b.count - a.count);
}

function groupOf(key: string, members: readonly DeadLetterRecord[]): DeadGroup {
  const [first] = members as [DeadLetterRecord];
  const times = members.map(({ diedAt }) => diedAt).filter((at) => at !== null);
  return {
    key,
    code: first.reason.code,
    message: (first.reason.error?.message ?? first.reason.message).slice(0, 300),
    type: first.type,
    queue: first.queue,
    count: members.length,
    newest: times.length > 0 ? times.reduce((a, b) => Math.max(a, b)) : null,
    oldest: times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : null,
    ids: members.map(({ id }) => id),
    damaged: members.filter(({ damage }) => damage !== undefined).length,
  };
}

/** Two messages that differ in an id or a number alone have one shape. */
function shapeOf(message: string): string {
  return message
    .slice(0, 300)
    .replaceAll(/[\da-f]{8}-[\da-f-]{27}/gi, "#")
    .replaceAll(/"[^"]*"|'[^']*'/g, '"…"')
    .replaceAll(/\d+/g, "#");
}
