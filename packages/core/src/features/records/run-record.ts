import type { RecordChange } from "../../backend/record-store.ts";
import { wallMs } from "../../time/clock.ts";
import { rankOf, type StartedRun } from "./changes.ts";
import { cut } from "./cut.ts";
import { attemptItem, logItem, PROGRESS_ITEM } from "./job-record.ts";
import { NO_ITEMS } from "./record-facts.ts";
import type { RedactedPayload } from "./redact.ts";

/** What one run of a job has reported. */
export interface RunRecord {
  readonly startedAt: number;
  /** As `AttemptRecord.task`. */
  readonly task: string | undefined;
  readonly hide: (text: string) => string;
  progress(done: number, total: number | undefined, message: string | undefined): void;
  log(text: string): void;
  /** Returns what is to be written: the run, and what it reported since the last call. */
  change(): RecordChange;
  /** As `change`; another worker has the job by now. */
  lost(): RecordChange;
  /** As `change`, without the run itself. */
  reported(): RecordChange;
}

export interface RunRecordSettings extends StartedRun {
  readonly worker: string;
  readonly task: string | undefined;
  readonly payload: RedactedPayload;
  /** Items that are written with its first change. */
  readonly label: Readonly<Record<string, string>>;
}

const MOST_LINES = 100;
const LONGEST_LINE = 2_000;
const LONGEST_MESSAGE = 500;

/** One for each run, of which most report nothing: it makes nothing before it is needed. */
export function createRunRecord(settings: RunRecordSettings): RunRecord {
  return new ReportedRun(settings);
}

class ReportedRun implements RunRecord {
  readonly startedAt: number;
  readonly task: string | undefined;
  readonly hide: (text: string) => string;
  readonly #settings: RunRecordSettings;
  /** Items to write. A line beyond the last 100 takes the place of the oldest. */
  #items: Readonly<Record<string, string>>;
  #lines: Map<string, string> | null = null;
  #lineCount = 0;
  #progress: string | null = null;

  constructor(settings: RunRecordSettings) {
    this.startedAt = settings.at;
    this.task = settings.task;
    this.hide = settings.payload.hide;
    this.#settings = settings;
    this.#items = settings.label;
  }

  progress(done: number, total: number | undefined, message: string | undefined): void {
    const text = message === undefined ? null : cut(this.hide(String(message)), LONGEST_MESSAGE);
    this.#progress = JSON.stringify({
      done: Number(done),
      total: total === undefined ? null : Number(total),
      message: text,
      at: wallMs(),
    });
  }

  log(text: string): void {
    const { run, attempt } = this.#settings;
    const line = { at: wallMs(), attempt, text: cut(this.hide(String(text)), LONGEST_LINE) };
    this.#lines ??= new Map();
    this.#lines.set(logItem(run, this.#lineCount++ % MOST_LINES), JSON.stringify(line));
  }

  change(): RecordChange {
    return this.#changeTo("running");
  }

  lost(): RecordChange {
    return this.#changeTo("lost");
  }

  reported(): RecordChange {
    let items = this.#items;
    if (this.#lines !== null) items = { ...items, ...Object.fromEntries(this.#lines) };
    if (this.#progress !== null) items = { ...items, [PROGRESS_ITEM]: this.#progress };
    this.#items = NO_ITEMS;
    this.#lines = null;
    this.#progress = null;
    const { job, enqueuedAt, attempt, at, payload } = this.#settings;
    const { id, type, queue, tenant = null } = job;
    return {
      id,
      type,
      queue,
      tenant,
      enqueuedAt,
      payload: payload.text,
      state: "running",
      code: null,
      message: null,
      at,
      startedAt: at,
      endedAt: null,
      items,
      rank: rankOf(attempt, false),
      replaces: at,
    };
  }

  #changeTo(outcome: "running" | "lost"): RecordChange {
    const { attempt, worker, task, at: startedAt, run } = this.#settings;
    const durationMs = null;
    const item = { attempt, worker, task, startedAt, durationMs, outcome, code: null, message: null, stack: null };
    const change = this.reported();
    return { ...change, items: { [attemptItem(run)]: JSON.stringify(item), ...change.items } };
  }
}
