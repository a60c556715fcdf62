import { randomBytes } from "node:crypto";
import type { Ledger } from "../../backend/ledger.ts";
import { wallMs } from "../../time/clock.ts";
import { afterConflict } from "../after-conflict.ts";
import { addBatch, hourKey, hourOf, hourRecordOf, hourValue, MINUTES_OF_HOUR } from "./hour-record.ts";
import { forgetBefore, type Minute, MINUTE_MS, type Minutes } from "./minutes.ts";

/** Adds what this process counts to the hours in the ledger. */
export interface HistoryWriter {
  /** What was counted since the last write. */
  readonly pending: Minutes;
  /** Writes it. Calls at the same time share one write. Rejects when the ledger cannot be reached: the next call tries again. */
  flush(): Promise<void>;
}

interface Batch {
  readonly number: number;
  readonly minutes: Minutes;
}

/** A record is kept until its last minute is a day old. */
const KEPT_MS = 25 * 3_600_000;

export function createHistoryWriter(ledger: Ledger): HistoryWriter {
  const writer = randomBytes(6).toString("base64url");
  const pending: Minutes = new Map();
  let number = 0;
  /** A batch whose write was not confirmed. It is written again as it is, and its number keeps it from being added twice. */
  let batch: Batch | null = null;
  let writing: Promise<void> | null = null;

  function taken(): Batch | null {
    // While the ledger is away this cannot grow without end.
    forgetBefore(pending, Math.floor(wallMs() / MINUTE_MS) - MINUTES_OF_HOUR);
    if (pending.size === 0) return null;
    const minutes = new Map(pending);
    pending.clear();
    return { number: (number += 1), minutes };
  }

  async function write(): Promise<void> {
    batch ??= taken();
    if (batch === null) return;
    const { number: own, minutes } = batch;
    await Promise.all(
      [...minutes].flatMap(([queue, all]) => [...byHour(all)].map(([hour, some]) => add(hour, queue, own, some))),
    );
    batch = null;
  }

  async function add(hour: number, queue: string, own: number, minutes: ReadonlyMap<number, Minute>): Promise<void> {
    const key = hourKey(hour, queue);
    for (let conflicts = 0; ; conflicts += 1) {
      const [found = null] = await ledger.read([key]);
      const record = hourRecordOf(found, queue);
      if (!addBatch(record, writer, own, minutes)) return;
      const expiresInMs = Math.max(MINUTE_MS, hour * MINUTES_OF_HOUR * MINUTE_MS + KEPT_MS - wallMs());
      const change = { key, ifVersion: found?.version ?? "absent", value: hourValue(record), expiresInMs } as const;
      if ((await ledger.commit([change])).ok) return;
      await afterConflict(key, conflicts);
    }
  }

  return {
    pending,
    flush: () => (writing ??= write().finally(() => (writing = null))),
  };
}

function byHour(minutes: ReadonlyMap<number, Minute>): Map<number, Map<number, Minute>> {
  const hours = new Map<number, Map<number, Minute>>();
  for (const [number, minute] of minutes) {
    const hour = hourOf(number);
    const some = hours.get(hour) ?? new Map<number, Minute>();
    some.set(number, minute);
    hours.set(hour, some);
  }
  return hours;
}
