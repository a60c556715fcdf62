import { isUnfinished, type ScheduleState } from "./schedule-state.ts";
import { latestTicks, type Tick, type Ticks } from "./tick.ts";
import { fireAt, tickId } from "./ticks-of.ts";

/** What a scheduler does about a schedule that is due. */
export interface Plan {
  /** The state to store before anything is enqueued. Null: the schedule is deleted. */
  readonly state: ScheduleState | null;
  /** The ticks to enqueue then. */
  readonly fire: readonly Tick[];
  /** How many ticks are skipped since the last job is unfinished. */
  readonly overlapped: number;
  /** How many ticks are skipped since nothing could fire them in time. */
  readonly missed: number;
}

export interface Circumstances {
  /** Null for `afterCompletion`. */
  readonly ticks: Ticks | null;
  /** Unix milliseconds. */
  readonly now: number;
  /** Whether a live worker declares the schedule. */
  readonly isLive: boolean;
  /** Whether the job of the last tick is known to be gone, although no worker has reported its end. */
  readonly lastIsGone: boolean;
}

/** A tick that is fired later than this is missed. */
export const GRACE_MS = 60_000;
/** The most ticks of one schedule that are fired together. */
const MOST_TOGETHER = 1_000;
/** A schedule that no worker has declared for this long is deleted. Until then it keeps its pause and its next tick. */
const ORPHAN_KEPT_MS = 7 * 86_400_000;

/** Decides what to do about a schedule that is due. Pure: the same state at the same time gives the same plan. */
export function planFor(given: ScheduleState, { ticks, now, isLive, lastIsGone }: Circumstances): Plan {
  const none = { fire: [], overlapped: 0, missed: 0 };
  // The reservation of a scheduler that died: the same ticks once more, unless their jobs have completed since.
  if (given.firing !== null) {
    const fire = given.firing.filter((tick) => !given.done.some(({ id }) => id === tickId(given.name, tick)));
    return { ...none, state: { ...given, firing: fire.length > 0 ? fire : null }, fire };
  }
  if (given.declared !== null && !isLive) {
    const orphanedAt = given.orphanedAt ?? now;
    return { ...none, state: now - orphanedAt > ORPHAN_KEPT_MS ? null : { ...given, orphanedAt } };
  }
  const state = { ...given, orphanedAt: null, ...(lastIsGone && given.last && { last: endedAt(given.last, now) }) };
  if (state.paused) return { ...none, state };
  const { definition } = state;
  if (ticks === null) return planChain(state, now, definition.timing.kind === "cron" ? 0 : definition.timing.ms);
  const due = dueTicks(state, ticks, now);
  return definition.overlap === "allow" || (due.fire.length === 0 && state.queued === null)
    ? reserve({ ...state, next: due.next }, due.fire, due, now)
    : planOneAtATime({ ...state, next: due.next }, due, now);
}

const endedAt = <Last extends { readonly endedAt: number | null }>(last: Last, now: number): Last => ({
  ...last,
  endedAt: last.endedAt ?? now,
});

/** Reserves ticks: stored with the state, they are enqueued although this process may die now. */
function reserve(
  state: ScheduleState,
  fire: readonly Tick[],
  { missed = 0, overlapped = 0 }: { readonly missed?: number; readonly overlapped?: number },
  now: number,
): Plan {
  const tick = fire.at(-1);
  if (tick === undefined) return { state, fire, missed, overlapped };
  const last = { id: tickId(state.name, tick), at: tick.at, firedAt: now, endedAt: null };
  return { state: { ...state, firing: fire, last }, fire, missed, overlapped };
}

/** `afterCompletion`: the next run follows from when the last one has ended. */
function planChain(state: ScheduleState, now: number, afterMs: number): Plan {
  if (isUnfinished(state)) return { state, fire: [], missed: 0, overlapped: 0 };
  const next = state.next ?? {
    at: Math.ceil(Math.max(now, (state.last?.endedAt ?? -Infinity) + afterMs)),
    skipped: null,
  };
  const isDue = fireAt(state.name, next, state.definition.jitterMs) <= now;
  return isDue ? reserve({ ...state, next: null }, [next], {}, now) : reserve({ ...state, next }, [], {}, now);
}

/** `skip` and `queue_one`: one job at a time, and for `queue_one` one tick that waits for its end. */
function planOneAtATime(state: ScheduleState, due: DueTicks, now: number): Plan {
  const { missed } = due;
  const waiting = state.queued === null ? due.fire : [state.queued, ...due.fire];
  const keepsOne = state.definition.overlap === "queue_one";
  if (isUnfinished(state)) {
    const queued = keepsOne ? (waiting[0] ?? null) : null;
    return { state: { ...state, queued }, fire: [], missed, overlapped: waiting.length - (queued === null ? 0 : 1) };
  }
  const rest = waiting.length - 1;
  if (!keepsOne) return reserve(state, waiting.slice(-1), { missed, overlapped: rest }, now);
  const queued = rest > 0 ? (waiting[1] ?? null) : null;
  return reserve({ ...state, queued }, waiting.slice(0, 1), { missed, overlapped: Math.max(0, rest - 1) }, now);
}

interface DueTicks {
  readonly fire: readonly Tick[];
  readonly next: Tick | null;
  readonly missed: number;
}

function dueTicks({ name, next, definition }: ScheduleState, ticks: Ticks, now: number): DueTicks {
  const { jitterMs, missed: policy, maxMissed } = definition;
  const isDue = (tick: Tick): boolean => fireAt(name, tick, jitterMs) <= now;
  if (next === null || !isDue(next)) return { fire: [], next, missed: 0 };
  if (now - fireAt(name, next, jitterMs) <= GRACE_MS) {
    const fire: Tick[] = [];
    let tick: Tick | null = next;
    for (; tick !== null && isDue(tick) && fire.length < MOST_TOGETHER; tick = ticks.following(tick)) fire.push(tick);
    return { fire, next: tick, missed: 0 };
  }
  const most = policy === "run_all" ? maxMissed : 1;
  // Those before are due whatever their jitter is; of the others each is asked, in order, as above.
  const latest = latestTicks(ticks, next, now - jitterMs, most);
  const last = latest.at(-1);
  let after = last === undefined ? next : ticks.following(last);
  for (; after !== null && isDue(after); after = ticks.following(after)) latest.push(after);
  const missed = latest.slice(-most);
  // Counting every missed tick of a long absence would take long: what is reported is whether there was one.
  return policy === "skip"
    ? { fire: [], next: after, missed: missed.length }
    : { fire: missed, next: after, missed: 0 };
}
