import type { LedgerRecord } from "../../backend/ledger.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";
import { addMinute, emptyMinute, type Minute } from "./minutes.ts";
import { runTimesOf, runTimesText } from "./run-times.ts";

/** One hour of one queue, as the ledger keeps it: at most 60 minutes, whatever the number of workers. */
export interface HourRecord {
  readonly queue: string;
  /** By their number since 1970. */
  readonly minutes: Map<number, Minute>;
  /** The number of the last batch of each writer that is in it, the longest unheard first. */
  readonly writers: Map<string, number>;
}

export const MINUTES_OF_HOUR = 60;
/** A writer that was cut off here would count its last batch twice only if it had waited for its result meanwhile. */
const MOST_WRITERS = 300;

export const hourOf = (minute: number): number => Math.floor(minute / MINUTES_OF_HOUR);
export const hourKey = (hour: number, queue: string): string => ledgerKey("history", "hour", String(hour), queue);
export const hourPrefix = (hour: number): string => ledgerPrefix("history", "hour", String(hour));

/** Adds a batch of one writer, unless it is in the record. Returns whether the record has changed. */
export function addBatch(
  record: HourRecord,
  writer: string,
  batch: number,
  minutes: ReadonlyMap<number, Minute>,
): boolean {
  const { writers } = record;
  if ((writers.get(writer) ?? 0) >= batch) return false;
  writers.delete(writer);
  writers.set(writer, batch);
  const [longestUnheard] = writers.keys();
  if (writers.size > MOST_WRITERS && longestUnheard !== undefined) writers.delete(longestUnheard);
  for (const [number, minute] of minutes) {
    const own = record.minutes.get(number) ?? emptyMinute();
    addMinute(own, minute);
    record.minutes.set(number, own);
  }
  return true;
}

export function hourValue({ queue, minutes, writers }: HourRecord): string {
  const lines = [...minutes].map(([number, { completed, retried, dead, ready, oldestWaitMs, runs }]) => [
    number,
    completed,
    retried,
    dead,
    ready,
    oldestWaitMs,
    runTimesText(runs),
  ]);
  return JSON.stringify({ queue, minutes: lines, writers: [...writers] });
}

/** A damaged record counts as empty: the history is no more than a picture. */
export function hourRecordOf(record: LedgerRecord | null, queue: string): HourRecord {
  const value = record === null ? {} : parsedValue(record);
  const lines = Array.isArray(value["minutes"]) ? (value["minutes"] as unknown[]) : [];
  const writers = Array.isArray(value["writers"]) ? (value["writers"] as unknown[]) : [];
  return {
    queue: typeof value["queue"] === "string" ? value["queue"] : queue,
    minutes: new Map(lines.map(minuteOfLine).filter((one) => one !== null)),
    writers: new Map(writers.filter(isWriter)),
  };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isWriter = (value: unknown): value is [string, number] =>
  Array.isArray(value) && typeof value[0] === "string" && isCount(value[1]);

function minuteOfLine(line: unknown): readonly [number, Minute] | null {
  const [number, completed, retried, dead, ready, oldestWaitMs, runs] = Array.isArray(line) ? (line as unknown[]) : [];
  if (!isCount(number) || !isCount(completed) || !isCount(retried) || !isCount(dead)) return null;
  const minute = {
    completed,
    retried,
    dead,
    runs: runTimesOf(runs),
    ready: isCount(ready) ? ready : null,
    oldestWaitMs: isCount(oldestWaitMs) ? oldestWaitMs : null,
  };
  return [number, minute];
}
