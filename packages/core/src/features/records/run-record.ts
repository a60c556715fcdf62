import type { RecordChange } from "../../backend/record-store.ts";
import { wallMs } from "../../time/clock.ts";
import { rankOf, type StartedRun, unknownJob } from "./changes.ts";
import { cut } from "./cut.ts";
import { attemptItem, logItem, PROGRESS_ITEM } from "./job-record.ts";
import type { RedactedPayload } from "./redact.ts";

/** What one run of a job has reported. */
export interface RunRecord {
  readonly startedAt: number;
  readonly hide: (text: string) => string;
  progress(done: number, total: number | undefined, message: string | undefined): void;
  log(text: string): void;
  /** Returns what is to be written: the run, and what it reported since the last call. */
  change(): RecordChange;
  /** As `change`; another worker has the job by now. */
  lost(): RecordChange;
}

export interface RunRecordSettings extends StartedRun {
  readonly worker: string;
  readonly payload: RedactedPayload;
}

const MOST_LINES = 100;
const LONGEST_LINE = 2_000;
const LONGEST_MESSAGE = 500;

export function createRunRecord(settings: RunRecordSettings): RunRecord {
  const { job, enqueuedAt, attempt, run, at: startedAt, worker, payload } = settings;
  const { hide } = payload;
  /** A line beyond the last 100 takes the place of the oldest. */
  const lines = new Map<string, string>();
  let lineCount = 0;
  let progress: string | null = null;

  function changeTo(outcome: "running" | "lost"): RecordChange {
    const durationMs = null;
    const item = { attempt, worker, startedAt, durationMs, outcome, code: null, message: null, stack: null };
    const items = {
      [attemptItem(run)]: JSON.stringify(item),
      ...Object.fromEntries(lines),
      ...(progress !== null && { [PROGRESS_ITEM]: progress }),
    };
    lines.clear();
    progress = null;
    return {
      ...unknownJob(job, startedAt),
      enqueuedAt,
      payload: payload.text,
      state: "running",
      startedAt,
      rank: rankOf(attempt, false),
      replaces: startedAt,
      items,
    };
  }

  return {
    startedAt,
    hide,
    progress(done, total, message) {
      const text = message === undefined ? null : cut(hide(String(message)), LONGEST_MESSAGE);
      progress = JSON.stringify({
        done: Number(done),
        total: total === undefined ? null : Number(total),
        message: text,
        at: wallMs(),
      });
    },
    log(text) {
      const line = { at: wallMs(), attempt, text: cut(hide(String(text)), LONGEST_LINE) };
      lines.set(logItem(run, lineCount++ % MOST_LINES), JSON.stringify(line));
    },
    change: () => changeTo("running"),
    lost: () => changeTo("lost"),
  };
}
