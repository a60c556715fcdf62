import type { Ledger, LedgerRecord } from "../../backend/ledger.ts";
import { WaybillError } from "../../errors.ts";
import { monotonicMs } from "../../time/clock.ts";
import { pause } from "../../time/pause.ts";
import { afterConflict } from "../after-conflict.ts";
import { parsedValue } from "../record-value.ts";
import { CLOCK_KEY, startClock, type StoreClock, type StoreClockReader } from "./store-clock.ts";
import { decideTurns, EARLY_MS, type RateState } from "./rate-turns.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** A job that asks for a turn. */
export interface RateJob {
  /** How often the job was released. */
  readonly releases: number;
  /** Called when the record of the key was damaged, after it is replaced. */
  readonly damaged?: (error: Error) => void;
}

export interface RateKeySettings {
  readonly ledger: Ledger;
  readonly clock: StoreClockReader;
  /** The key of the record that has the state. */
  readonly record: string;
  readonly bucket: TokenBucket;
  /** Called when no job waits for a turn and none was reserved ahead. */
  readonly idle: () => void;
}

interface Waiting extends RateJob {
  readonly resolve: (delayMs: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** A record is kept this long after it has no more effect. */
const KEEP_MS = 60_000;
/** Turns are reserved ahead for as many jobs as started in this time, at most this many. */
const AHEAD_MS = 100;
const MOST_AHEAD = 16;
/** After a conflict with another process, jobs gather for up to this long before the next read. */
const GATHER_MS = 20;
const MOST_JOBS = 400;
const LONGEST_REST_MS = 60_000;

/** One key of one rate, as this process uses it. */
export class RateKey {
  readonly #settings: RateKeySettings;
  #waiting: Waiting[] = [];
  #isAsking = false;
  /** Turns that were reserved ahead, earliest first, by the clock of the store. */
  #ahead: { readonly turn: number; readonly clock: StoreClock }[] = [];
  /** When jobs started lately, in monotonic milliseconds. */
  #starts: number[] = [];
  /** How long a read and a commit take, so that a turn of now is still ahead once it is known. */
  #tripMs = 2;
  #conflictAt = -Infinity;
  #timer: NodeJS.Timeout | null = null;

  constructor(settings: RateKeySettings) {
    this.#settings = settings;
  }

  turn(job: RateJob): Promise<number | null> {
    for (let next = this.#ahead.shift(); next !== undefined; next = this.#ahead.shift()) {
      if (!this.#isLate(next.turn, next.clock)) return this.#wait(next.turn, next.clock, job);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...job, resolve, reject });
      if (!this.#isAsking) void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#waiting.length > 0) {
      // What arrives together shares a commit; where other processes use the key too, fewer commits are fewer conflicts.
      const isShared = monotonicMs() - this.#conflictAt < 1_000;
      await (isShared ? pause(GATHER_MS * (0.5 + Math.random() / 2)) : Promise.resolve());
      const jobs = this.#waiting.splice(0, MOST_JOBS);
      try {
        await this.#reserve(jobs);
      } catch (thrown) {
        for (const { reject } of jobs) reject(thrown);
      }
    }
    this.#isAsking = false;
    this.#rest();
  }

  /** Reports that the key is idle, once no turn that was reserved ahead can be used any more. */
  #rest(): void {
    const last = this.#ahead.at(-1);
    if (last === undefined) return this.#settings.idle();
    if (this.#timer !== null) return;
    const usableMs = last.turn - last.clock.latest() + this.#settings.bucket.lateMs;
    const look = (): void => {
      this.#timer = null;
      if (this.#isAsking) return;
      this.#ahead = this.#ahead.filter(({ turn, clock }) => !this.#isLate(turn, clock));
      this.#rest();
    };
    this.#timer = setTimeout(look, Math.min(Math.max(usableMs, 0) + 1, LONGEST_REST_MS)).unref();
  }

  /** Reserves turns for these jobs, in one read and one commit, again after a conflict with another process. */
  async #reserve(jobs: readonly Waiting[]): Promise<void> {
    const { ledger, clock: reader, record, bucket } = this.#settings;
    for (let attempt = 0; ; attempt += 1) {
      const askedAt = monotonicMs();
      const [clockRecord = null, state = null] = await ledger.read([CLOCK_KEY, record]);
      const clock = reader.read(clockRecord, askedAt);
      if (clock === null) {
        await startClock(ledger, clockRecord);
        if (attempt > 0) await afterConflict(CLOCK_KEY, attempt);
        continue;
      }
      const now = clock.latest();
      const stored = stateOf(state, clock.id);
      const asked = jobs.map(({ releases }) => releases);
      const given = { now, soonest: now + 1.5 * this.#tripMs, ahead: this.#wantedAhead() };
      const { decisions, ahead, next } = decideTurns(bucket, stored ?? FULL, asked, given);
      const value = JSON.stringify([clock.id, Math.ceil(next.arrival), Math.ceil(next.line)]);
      const expiresInMs = Math.ceil(Math.max(next.arrival, next.line) - now + KEEP_MS);
      const commit = await ledger.commit([{ key: record, ifVersion: state?.version ?? "absent", value, expiresInMs }]);
      this.#tripMs += (Math.min(monotonicMs() - askedAt, 100) - this.#tripMs) / 8;
      if (commit.ok) {
        // Reported once, by the process that replaces it.
        if (stored === null) jobs[0]?.damaged?.(wasDamaged(record));
        for (const turn of ahead) this.#ahead.push({ turn, clock });
        for (const [at, job] of jobs.entries()) this.#settle(job, decisions[at] as (typeof decisions)[number], clock);
        return;
      }
      this.#conflictAt = monotonicMs();
      await afterConflict(record, attempt);
    }
  }

  #settle(job: Waiting, { start, returns }: { start: number | null; returns: number }, clock: StoreClock): void {
    if (start === null) job.resolve(Math.max(returns - clock.latest() - EARLY_MS, EARLY_MS / 2));
    else this.#wait(start, clock, job).then(job.resolve, job.reject);
  }

  /** Waits for a turn that is near. */
  async #wait(turn: number, clock: StoreClock, job: RateJob): Promise<number | null> {
    for (let waitMs = turn - clock.earliest(); waitMs > 0; waitMs = turn - clock.earliest())
      await pause(Math.ceil(waitMs));
    // The event loop may have been blocked meanwhile.
    if (this.#isLate(turn, clock)) return this.turn({ releases: job.releases + 1 });
    this.#starts.push(monotonicMs());
    return null;
  }

  #isLate(turn: number, clock: StoreClock): boolean {
    return clock.latest() - turn > this.#settings.bucket.lateMs;
  }

  #wantedAhead(): number {
    const since = monotonicMs() - AHEAD_MS;
    this.#starts = this.#starts.filter((at) => at > since);
    return Math.min(MOST_AHEAD, Math.floor(this.#starts.length / 2));
  }
}

function wasDamaged(record: string): WaybillError {
  return new WaybillError("BACKEND_UNAVAILABLE", `the ledger record "${record}" was damaged: the rate began anew`);
}

const FULL: RateState = { arrival: 0, line: 0 };

/** The state in a record; that of a full bucket where there is none, or one of another clock. Null for a damaged record. */
function stateOf(record: LedgerRecord | null, clock: number): RateState | null {
  if (record === null) return FULL;
  const { 0: id, 1: arrival, 2: line } = parsedValue(record);
  if (typeof id !== "number" || typeof arrival !== "number" || typeof line !== "number") return null;
  return id === clock ? { arrival, line } : FULL;
}
