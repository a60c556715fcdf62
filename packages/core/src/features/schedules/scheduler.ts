import type { Receipt } from "../../backend/contract.ts";
import type { JobControl } from "../../backend/job-control.ts";
import type { Ledger, LedgerChange, LedgerRecord } from "../../backend/ledger.ts";
import { defaults, type Envelope, formatTimestamp } from "../../envelope/index.ts";
import { isWaybillError } from "../../errors.ts";
import type { EventBus } from "../../observability/events.ts";
import { toError } from "../../values/thrown.ts";
import { liveDeclarations, liveNames, nameMark } from "./declarations.ts";
import { eachDue } from "./due-records.ts";
import { type Plan, planFor } from "./plan.ts";
import { nowFor } from "./schedule-clock.ts";
import {
  changedTooOften,
  changeTo,
  type FoundSchedule,
  foundSchedule,
  foundSchedules,
  isUnfinished,
  scheduleKey,
  type ScheduleState,
  withoutReserved,
} from "./schedule-state.ts";
import type { Tick } from "./tick.ts";
import { fireAt, ticksOf, tickId } from "./ticks-of.ts";

/** What schedules need of a connection. */
export interface ScheduleHost {
  readonly ledger: Ledger;
  /** Null where the backend cannot find jobs. */
  readonly jobControl: JobControl | null;
  readonly events: EventBus;
  /** Signs and stores an envelope. */
  readonly enqueue: (envelope: Envelope) => Promise<Receipt>;
}

/** What the worker declares itself. */
export interface OwnSchedules {
  has(name: string): boolean;
  /** Called with each schedule that is due. */
  saw(state: ScheduleState): void;
  /** Called with the key of each record that cannot be read. */
  unreadable(key: string): void;
}

export interface Scheduler {
  /** Fires what is due. Rejects when the ledger or the backend is unavailable. */
  round(): Promise<Round>;
}

/** What a scheduler has found. */
export interface Round {
  /** How many schedules were due. */
  readonly due: number;
  /** Milliseconds until one of those is due again; Infinity where that is not known. */
  readonly nextInMs: number;
}

interface Planned {
  readonly found: FoundSchedule;
  readonly now: number;
  readonly plan: Plan;
}

/**
 * Without job control, a job that was enqueued this long ago and whose end no worker has reported is given up: a queue that was
 * purged must not block its schedule for ever.
 */
const GIVEN_UP_MS = 86_400_000;

/**
 * Fires the ticks of schedules. Any number of schedulers may run: each tick is reserved by a versioned commit before its job is
 * enqueued, so that one of them enqueues it. If that one dies, the reservation lapses after 15 seconds and another enqueues the same job,
 * under the id that is derived from the schedule and the time.
 */
export function createScheduler(host: ScheduleHost, worker: string, own: OwnSchedules): Scheduler {
  const { ledger, jobControl, events, enqueue } = host;

  async function round(): Promise<Round> {
    let [due, nextInMs, failure]: [number, number, unknown] = [0, Infinity, null];
    await eachDue(ledger, async (records) => {
      const fired = await fireThose(records);
      due += fired.due;
      nextInMs = Math.min(nextInMs, fired.nextInMs);
      failure ??= fired.failure;
      return fired.stuck;
    });
    if (failure !== null) throw toError(failure);
    return { due, nextInMs };
  }

  async function fireThose(records: readonly LedgerRecord[]): Promise<Round & { stuck: number; failure: unknown }> {
    const found = foundSchedules(records, own.unreadable);
    if (found.length === 0) return { due: 0, nextInMs: Infinity, stuck: records.length, failure: null };
    const { planned, failure } = await plans(found);
    const reserved = await commitThose(
      planned.map(({ found: { record }, plan, now }) => changeOf(record.key, plan, record.version, now)),
    );
    const mine = planned.filter(({ found: { record } }) => reserved.has(record.key));
    for (const { found: one, plan, now } of mine) reportSkipped(one.state, plan, now);
    const fired = await Promise.allSettled(mine.filter(({ plan }) => plan.fire.length > 0).map(fire));
    const failed = fired.find((result) => result.status === "rejected")?.reason ?? failure;
    const rests = mine.map(({ plan, now }) => (plan.state === null ? Infinity : restMs(plan.state, now)));
    const stuck = records.length - planned.length;
    return { due: found.length, nextInMs: Math.min(...rests), stuck, failure: failed };
  }

  /** A schedule that cannot be planned, such as one whose time zone this host does not know, does not stop the others. */
  async function plans(found: readonly FoundSchedule[]): Promise<{ planned: Planned[]; failure: unknown }> {
    const others = found.some(({ state }) => state.declared !== null && !own.has(state.name));
    const live = others ? liveNames(await liveDeclarations(ledger, own.unreadable)) : new Set<string>();
    const gone = await goneOf(found);
    const all = await Promise.allSettled(
      found.map(async (one): Promise<Planned> => {
        const { state } = one;
        own.saw(state);
        const now = nowFor(one);
        const ticks = await ticksOf(state.definition.timing, state.name);
        const isLive = own.has(state.name) || live.has(nameMark(state.name));
        return { found: one, now, plan: planFor(state, { ticks, now, isLive, lastIsGone: gone.has(state.name) }) };
      }),
    );
    return {
      planned: all.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])),
      failure: all.find((result) => result.status === "rejected")?.reason ?? null,
    };
  }

  /** Names the schedules whose last job is gone, although no worker has reported its end: it was cancelled, dropped or deleted. */
  async function goneOf(found: readonly FoundSchedule[]): Promise<ReadonlySet<string>> {
    const waiting = found.filter(({ state }) => needsEnd(state) && state.firing === null && isUnfinished(state));
    if (jobControl === null) {
      const old = waiting.filter((one) => nowFor(one) - (one.state.last?.firedAt ?? 0) > GIVEN_UP_MS);
      return new Set(old.map(({ state }) => state.name));
    }
    if (waiting.length === 0) return new Set();
    const ids = waiting.map(({ state }) => state.last?.id ?? "");
    const { jobs } = await jobControl.list({ ids, limit: ids.length });
    const there = new Set(jobs.filter(({ state }) => state !== "dead").map(({ id }) => id));
    return new Set(waiting.filter(({ state }) => !there.has(state.last?.id ?? "")).map(({ state }) => state.name));
  }

  /** Enqueues the reserved ticks of one schedule, and ends the reservation. */
  async function fire({ found: { state, record }, plan, now }: Planned): Promise<void> {
    const { name, definition } = state;
    for (const tick of plan.fire) {
      const id = tickId(name, tick);
      const stored = await enqueueTick(jobOf(definition.job, name, id, tick.at));
      reportTick(state, tick, stored ? "enqueued" : "enqueued_before");
    }
    const ids = new Set(plan.fire.map((tick) => tickId(name, tick)));
    await update(ledger, record.key, (current) => {
      const next = withoutReserved(current, ids);
      return next && { state: next, now };
    });
  }

  /** Returns false when the job is stored already: by a scheduler that died before it could say so. */
  async function enqueueTick(envelope: Envelope): Promise<boolean> {
    try {
      return (await enqueue(envelope)).stored;
    } catch (thrown) {
      // Its definition has changed since, or it has a unique key that another job has.
      if (isWaybillError(thrown, "ID_CONFLICT") || isWaybillError(thrown, "DUPLICATE_JOB")) return false;
      throw thrown;
    }
  }

  async function commitThose(changes: readonly LedgerChange[]): Promise<ReadonlySet<string>> {
    let left = changes;
    while (left.length > 0) {
      const result = await ledger.commit(left);
      if (result.ok) break;
      // Another scheduler was first.
      const lost = new Set(result.conflicts);
      left = left.filter(({ key }) => !lost.has(key));
    }
    return new Set(left.map(({ key }) => key));
  }

  function reportSkipped(state: ScheduleState, { overlapped, missed }: Plan, now: number): void {
    const tick = { at: state.next?.at ?? now, skipped: null };
    if (overlapped > 0) reportTick(state, tick, "skipped_overlap");
    if (missed > 0) reportTick(state, tick, "skipped_missed");
  }

  function reportTick({ name, definition: { job } }: ScheduleState, tick: Tick, result: TickResult): void {
    if (!events.has("tick")) return;
    const { type, queue = defaults.queue } = job;
    events.emit("tick", { schedule: name, due: tick.at, id: tickId(name, tick), type, queue, result, worker });
  }

  return { round };
}

type TickResult = "enqueued" | "enqueued_before" | "skipped_overlap" | "skipped_missed";

/** Milliseconds until the next tick of a schedule whose reservation has ended; Infinity for none. */
const restMs = ({ name, next, definition }: ScheduleState, now: number): number =>
  next === null ? Infinity : Math.max(0, fireAt(name, next, definition.jitterMs) - now);

/** Whether the next run depends on the end of the last one. */
const needsEnd = ({ definition: { timing, overlap } }: ScheduleState): boolean =>
  timing.kind === "afterCompletion" || overlap !== "allow";

function changeOf(key: string, { state }: Plan, ifVersion: number, now: number): LedgerChange {
  return state === null ? { key, ifVersion, value: null } : changeTo(state, ifVersion, now);
}

/** Returns the envelope of one run. The same run has the same bytes in every process. `meta.schedule` marks it. */
export function jobOf(template: ScheduleState["definition"]["job"], name: string, id: string, at: number): Envelope {
  const schedule = { name, at: formatTimestamp(at) };
  return { ...template, spec: "waybill/1", id, meta: { ...template.meta, schedule } } as Envelope;
}

/** A state to store, and the time of its decisions. */
interface Update {
  readonly state: ScheduleState;
  readonly now: number;
}

/** Called again, with the state as it is then, each time another process was first. Null: leaves it. */
type Change = (state: ScheduleState, now: number) => Update | null | Promise<Update | null>;

/** More commits than schedulers and workers make at once on one record. */
const MOST_TRIES = 50;

/**
 * Changes a schedule by what `change` returns for its present state, until no other process has changed it meanwhile. Returns
 * false if there is no such schedule. Rejects `BACKEND_UNAVAILABLE` when others are first each time.
 */
export async function update(ledger: Ledger, key: string, change: Change): Promise<boolean> {
  let name = "";
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const [record = null] = await ledger.read([key]);
    const found = record && foundSchedule(record);
    if (found === null) return false;
    ({ name } = found.state);
    const next = await change(found.state, nowFor(found));
    if (next === null) return true;
    const result = await ledger.commit([changeTo(next.state, found.record.version, next.now)]);
    if (result.ok) return true;
  }
  throw changedTooOften(`schedule "${name}"`, MOST_TRIES);
}

/** Changes a schedule by its name, as `update` does. */
export const updateByName = (ledger: Ledger, name: string, change: Change): Promise<boolean> =>
  update(ledger, scheduleKey(name), change);
