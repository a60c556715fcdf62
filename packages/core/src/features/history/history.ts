import type { Inspector, QueueCounts } from "../../backend/inspector.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { WaybillError } from "../../errors.ts";
import { assertKnownOptions, type OptionNames } from "../../known-options.ts";
import type { EventBus } from "../../observability/events.ts";
import type { OutcomeEvent } from "../../observability/job-events.ts";
import { wallMs } from "../../time/clock.ts";
import { durationMs } from "../../time/duration.ts";
import { allRecords } from "../all-records.ts";
import type { History, HistoryQuery } from "./history-api.ts";
import { historyOf, type Span } from "./history-points.ts";
import { createHistoryWriter } from "./history-writer.ts";
import { hourOf, hourPrefix, hourRecordOf, type HourRecord } from "./hour-record.ts";
import { addMinute, countEnd, countReady, emptyMinute, forgetBefore, MINUTE_MS, type Minutes } from "./minutes.ts";
import { requestHistory } from "./history-request.ts";

/** The history as one connection keeps and reads it. */
export interface HistoryKeeper {
  /** Counts what the workers and receivers on the events of this connection do, from now on. Does nothing if it does already. */
  begin(): void;
  /** Notes what waits, as it was just counted. */
  sample(counts: readonly QueueCounts[]): void;
  /** Rejects `CONFIG_INVALID` for a query that cannot be meant, and as the ledger does. */
  read(query: HistoryQuery): Promise<History>;
  /** Counts no more, and writes what was counted. Never rejects. */
  end(): Promise<void>;
}

type Ended = Pick<OutcomeEvent, "queue" | "outcome" | "durationMs" | "bySender"> & { readonly at: number };

export interface HistorySettings {
  /** Null: the history is that of this process. */
  readonly ledger: Ledger | null;
  readonly events: EventBus;
  /** The ends that were kept before the history was known to be requested. They are asked for once. */
  readonly early: () => readonly Ended[];
  readonly inspector: () => Inspector | null;
}

const QUERY: OptionNames<HistoryQuery> = { last: true, step: true };
const DAY_MINUTES = 1_440;
/** Between two writes of one process, which are moved by chance so that processes do not meet. */
const FLUSH_MS = 15_000;
/** An hour is not written any more this long after its end. */
const LATE_MINUTES = 65;

export function createHistory({ ledger, events, early, inspector }: HistorySettings): HistoryKeeper {
  const writer = ledger && createHistoryWriter(ledger);
  /** Without a ledger: all there is. */
  const minutes: Minutes = writer?.pending ?? new Map();
  const beganAt = wallMs();
  /** Hours that are not written any more. */
  const closed = new Map<number, readonly HourRecord[]>();
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | null = null;
  let sampledMinute = 0;

  const flush = async (): Promise<void> => writer?.flush();

  function next(): void {
    timer = setTimeout(
      () => {
        // What cannot be written now is written the next time.
        void flush()
          .catch(() => undefined)
          .finally(() => unsubscribe !== null && next());
      },
      FLUSH_MS * (0.75 + Math.random() / 2),
    ).unref();
  }

  function count(ended: Ended): void {
    if (ended.outcome !== "release" && ended.bySender !== true) countEnd(minutes, ended.at, ended);
    if (writer === null) forgetBefore(minutes, Math.floor(ended.at / MINUTE_MS) - DAY_MINUTES);
  }

  function begin(): void {
    if (unsubscribe !== null) return;
    unsubscribe = events.on("settled", count);
    early().forEach(count);
    if (writer !== null) next();
  }

  function sample(counts: readonly QueueCounts[]): void {
    const now = wallMs();
    sampledMinute = Math.floor(now / MINUTE_MS);
    countReady(minutes, now, counts);
    if (writer === null) forgetBefore(minutes, sampledMinute - DAY_MINUTES);
  }

  async function readHour(of: Ledger, hour: number, now: number): Promise<readonly HourRecord[]> {
    const known = closed.get(hour);
    if (known !== undefined) return known;
    const found: HourRecord[] = [];
    for await (const record of allRecords(of, hourPrefix(hour))) found.push(hourRecordOf(record, ""));
    if (hour < hourOf(now - LATE_MINUTES)) closed.set(hour, found);
    return found;
  }

  async function readLedger(of: Ledger, { from, to }: Span): Promise<Minutes> {
    for (const hour of closed.keys()) if (hour < hourOf(to - DAY_MINUTES)) closed.delete(hour);
    const hours = Array.from({ length: hourOf(to) - hourOf(from) + 1 }, (_, at) => hourOf(from) + at);
    const all: Minutes = new Map();
    for (const records of await Promise.all(hours.map((hour) => readHour(of, hour, to)))) {
      for (const { queue, minutes: some } of records) {
        const own = all.get(queue) ?? new Map();
        for (const [number, minute] of some) {
          const sum = own.get(number) ?? emptyMinute();
          addMinute(sum, minute);
          own.set(number, sum);
        }
        all.set(queue, own);
      }
    }
    return all;
  }

  return {
    begin,
    sample,
    async read(query) {
      const span = spanOf(query);
      begin();
      // Once a minute, also where no worker runs that would count.
      if (sampledMinute !== span.to) {
        sampledMinute = span.to;
        const counts = await inspector()?.counts();
        if (counts !== undefined) sample(counts);
      }
      if (ledger === null) return historyOf(minutes, "process", beganAt, span);
      const since = await requestHistory(ledger);
      await flush();
      return historyOf(await readLedger(ledger, span), "ledger", since, span);
    },
    async end() {
      clearTimeout(timer);
      unsubscribe?.();
      unsubscribe = null;
      await flush().catch(() => undefined);
    },
  };
}

function spanOf(query: HistoryQuery): Span {
  assertKnownOptions(query, QUERY, "the options of history");
  const last = minutesOf(query.last ?? "1h", "last");
  const step = minutesOf(query.step ?? "1m", "step");
  const to = Math.floor(wallMs() / MINUTE_MS);
  return { from: to - last + 1, to, step };
}

function minutesOf(duration: NonNullable<HistoryQuery["last"]>, name: string): number {
  const minutes = durationMs(duration, name) / MINUTE_MS;
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= DAY_MINUTES) return minutes;
  const shown = JSON.stringify(duration);
  throw new WaybillError("CONFIG_INVALID", `${name} is ${shown}; pass whole minutes, from "1m" to "1d"`);
}
