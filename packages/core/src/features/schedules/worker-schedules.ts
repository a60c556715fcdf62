import { isWaybillError } from "../../errors.ts";
import { monotonicMs, wallMs } from "../../time/clock.ts";
import { within } from "../../time/time-limit.ts";
import { toError } from "../../values/thrown.ts";
import { declareAll } from "./declare-all.ts";
import { withdraw } from "./declarations.ts";
import type { Schedule } from "./define-schedule.ts";
import { type MakeTemplate, type PreparedSchedule, prepareSchedule, programOf } from "./prepare.ts";
import { MOST_DUE } from "./due-records.ts";
import { createScheduler, type Round, type ScheduleHost } from "./scheduler.ts";
import { SCHEDULES } from "./schedule-state.ts";

export interface WorkerSchedulesSettings {
  readonly host: ScheduleHost;
  readonly schedules: readonly Schedule[];
  readonly makeTemplate: MakeTemplate;
  /** The worker's id. */
  readonly worker: string;
  /** Of the program; null for none. */
  readonly version: string | null;
  readonly heartbeatMs: number;
}

/** The scheduler of one worker: declares the worker's schedules, and fires every schedule that is due. */
export interface WorkerSchedules {
  /**
   * Checks the schedules and declares them; while the ledger is unavailable, `begin` declares them later. Rejects `CONFIG_INVALID`
   * and `PAYLOAD_INVALID` for one that cannot work.
   */
  declare(): Promise<void>;
  /** Fires what is due, from now on. Call it after `declare`. */
  begin(): void;
  /** Fires what is due, once. Rejects when the ledger or the backend is unavailable. */
  round(): Promise<Round>;
  /** Looks for due schedules soon, since one has changed. */
  wake(): void;
  /** Fires no more, and withdraws the declarations. Waits half a second at most for each. Never rejects. */
  end(): Promise<void>;
}

/** How often a scheduler looks for what is due. */
const ROUND_MS = 1_000;
/** How often, while the store has no schedule and this worker declares none. */
const NONE_MS = 10_000;
/** Between the rounds of a scheduler that falls behind, and after a change. */
const SOON_MS = 20;
const END_MS = 500;
const SILENT_BEATS = 3;

export function createWorkerSchedules(settings: WorkerSchedulesSettings): WorkerSchedules {
  const { host, schedules, makeTemplate, worker, version, heartbeatMs } = settings;
  const { ledger, events } = host;
  const names = new Set(schedules.map(({ name }) => name));
  const reported = new Set<string>();
  /** Reports a record once. It stops no other. */
  function unreadable(key: string): void {
    if (reported.has(key)) return;
    reported.add(key);
    const message = `the ledger record "${key}" is left out: it is damaged, or a later release wrote it; update this program, or delete the record`;
    events.emit("unscheduled", { worker, message });
  }

  const scheduler = createScheduler(host, worker, {
    unreadable,
    has: (name) => names.has(name),
    saw({ name, declared }) {
      if (names.has(name) && declared?.program !== program) hasOthers = true;
    },
  });
  const startedAt = wallMs();
  let prepared: readonly PreparedSchedule[] = [];
  let program = "";
  /** Whether another program may have decided on one of these schedules. It may not run any more. */
  let hasOthers = false;
  let declaredAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | null = null;
  let isWoken = false;
  let hasEnded = false;
  let isFailing = false;
  let hasSchedules = schedules.length > 0;
  /** When this was last looked up. */
  let lookedAt = -Infinity;

  /** `isStart`: compares each schedule with what is stored. Otherwise only where another program has decided on one. */
  async function declareNow(isStart: boolean): Promise<void> {
    if (schedules.length > 0) {
      const own = { prepared, program, worker, startedAt, ttlMs: SILENT_BEATS * heartbeatMs, unreadable };
      const occasion = isStart ? "start" : hasOthers ? "compare" : "renew";
      // Until all of them are declared: what fails halfway is done again.
      hasOthers = true;
      await declareAll(ledger, own, occasion);
    }
    declaredAt = monotonicMs();
    hasOthers = false;
  }

  async function look(): Promise<number> {
    if (monotonicMs() - declaredAt >= heartbeatMs) await declareNow(declaredAt === -Infinity);
    const begun = monotonicMs();
    const { due, nextInMs } = await scheduler.round();
    const restMs = Math.max(SOON_MS, Math.min(ROUND_MS, nextInMs - (monotonicMs() - begun)));
    if (due > 0) {
      hasSchedules = true;
      return due < MOST_DUE ? restMs : SOON_MS;
    }
    if (schedules.length === 0 && monotonicMs() - lookedAt >= NONE_MS) {
      lookedAt = monotonicMs();
      hasSchedules = (await ledger.list({ prefix: SCHEDULES, limit: 1 })).length > 0;
    }
    return hasSchedules ? ROUND_MS : NONE_MS;
  }

  /** A worker that has found no schedule reports nothing: outages of its backend are reported already. */
  function report(thrown: unknown): void {
    const { message } = toError(thrown);
    if (hasSchedules && !isFailing && !isWaybillError(thrown, "BACKEND_CLOSED")) {
      events.emit("unscheduled", { worker, message });
    }
    isFailing = true;
  }

  async function work(): Promise<void> {
    isWoken = false;
    let restMs = ROUND_MS;
    try {
      restMs = await look();
      isFailing = false;
    } catch (thrown) {
      report(thrown);
    }
    working = null;
    if (!hasEnded) rest(isWoken ? SOON_MS : Math.min(restMs, heartbeatMs));
  }

  function rest(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => void (working = work()), ms);
  }

  return {
    async declare() {
      prepared = await Promise.all(schedules.map((schedule) => prepareSchedule(schedule, makeTemplate)));
      program = programOf(version, prepared);
      try {
        await declareNow(true);
      } catch (thrown) {
        if (!isWaybillError(thrown, "BACKEND_UNAVAILABLE")) throw thrown;
        report(thrown);
      }
    },
    begin: () => rest(0),
    round: () => scheduler.round(),
    wake() {
      isWoken = true;
      if (working === null && !hasEnded && timer !== undefined) rest(SOON_MS);
    },
    async end() {
      hasEnded = true;
      clearTimeout(timer);
      if (working !== null) await within(working, END_MS);
      if (schedules.length === 0) return;
      const withdrawing = withdraw(ledger, worker).catch(() => undefined);
      await within(withdrawing, END_MS);
    },
  };
}
