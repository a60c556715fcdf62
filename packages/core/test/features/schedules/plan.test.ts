import { describe, expect, test } from "vitest";
import { planFor } from "../../../src/features/schedules/plan.ts";
import type { ScheduleState, StoredDefinition } from "../../../src/features/schedules/schedule-state.ts";
import { intervalTicks } from "../../../src/features/schedules/tick.ts";
import { fireAt, tickId } from "../../../src/features/schedules/ticks-of.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 10);
const tick = (at: number) => ({ at, skipped: null });

function stateOf(definition: Partial<StoredDefinition> = {}, state: Partial<ScheduleState> = {}): ScheduleState {
  return {
    name: "s",
    definition: {
      timing: { kind: "every", ms: MINUTE },
      overlap: "allow",
      missed: "run_once",
      maxMissed: 100,
      jitterMs: 0,
      job: { spec: "waybill/1", type: "job", args: [{}] },
      ...definition,
    },
    declared: { program: "p", at: START },
    paused: false,
    next: tick(START),
    queued: null,
    firing: null,
    last: null,
    done: [],
    orphanedAt: null,
    dueAt: START,
    ...state,
  };
}

const plan = (state: ScheduleState, now: number, also: { isLive?: boolean; lastIsGone?: boolean } = {}) =>
  planFor(state, { ticks: intervalTicks(MINUTE), now, isLive: true, lastIsGone: false, ...also });

const ran = (at: number, endedAt: number | null) => ({ id: tickId("s", tick(at)), at, firedAt: at, endedAt });

test("a tick that is due is reserved, and the next one follows it", () => {
  const { state, fire } = plan(stateOf(), START + 5);
  expect(fire).toEqual([tick(START)]);
  expect(state).toMatchObject({ firing: [tick(START)], next: tick(START + MINUTE) });
  expect(state?.last).toMatchObject({ id: tickId("s", tick(START)), at: START, endedAt: null });
});

test("ticks that are late by a minute or less are all fired, and none twice", () => {
  const every = stateOf({ timing: { kind: "every", ms: 10_000 }, missed: "skip" });
  const { fire, state } = planFor(every, {
    ticks: intervalTicks(10_000),
    now: START + MINUTE,
    isLive: true,
    lastIsGone: false,
  });
  expect(fire.map(({ at }) => at - START)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  expect(state?.next).toEqual(tick(START + 70_000));
});

describe("after three days without a worker", () => {
  const now = START + 3 * DAY + 1_234;

  test("skip fires none of the missed ticks", () => {
    const { fire, missed, state } = plan(stateOf({ missed: "skip" }), now);
    expect(fire).toEqual([]);
    expect(missed).toBeGreaterThan(0);
    expect(state).toMatchObject({ next: tick(START + 3 * DAY + MINUTE), firing: null });
  });

  test("run_once fires the last of them", () => {
    const { fire, state } = plan(stateOf({ missed: "run_once" }), now);
    expect(fire).toEqual([tick(START + 3 * DAY)]);
    expect(state?.next).toEqual(tick(START + 3 * DAY + MINUTE));
  });

  test("run_all fires the last ones, as many as it may", () => {
    const { fire, state } = plan(stateOf({ missed: "run_all", maxMissed: 4 }), now);
    expect(fire.map(({ at }) => (at - START) / MINUTE)).toEqual([4_317, 4_318, 4_319, 4_320]);
    expect(state?.next).toEqual(tick(START + 3 * DAY + MINUTE));
    const daily = stateOf({ timing: { kind: "every", ms: DAY }, missed: "run_all" });
    const all = planFor(daily, { ticks: intervalTicks(DAY), now, isLive: true, lastIsGone: false });
    expect(all.fire.map(({ at }) => (at - START) / DAY)).toEqual([0, 1, 2, 3]);
  });
});

test("the reservation of a scheduler that died is fired again, with the same ticks", () => {
  const { state } = plan(stateOf(), START + 5);
  const again = plan(state as ScheduleState, START + 20_000);
  expect(again.fire).toEqual([tick(START)]);
  expect(again.state).toEqual(state);
  const done = [{ id: tickId("s", tick(START)), at: START + 1_000 }];
  const completed = plan({ ...(state as ScheduleState), done }, START + 20_000);
  expect([completed.fire, completed.state?.firing]).toEqual([[], null]);
});

describe("while the last job is unfinished", () => {
  const unfinished = { last: ran(START - MINUTE, null) };

  test("allow fires the tick beside it", () => {
    expect(plan(stateOf({ overlap: "allow" }, unfinished), START).fire).toEqual([tick(START)]);
  });

  test("skip skips the tick", () => {
    const { fire, overlapped, state } = plan(stateOf({ overlap: "skip" }, unfinished), START);
    expect([fire, overlapped, state?.next]).toEqual([[], 1, tick(START + MINUTE)]);
  });

  test("queue_one keeps one tick until it has ended, and skips further ones", () => {
    const first = plan(stateOf({ overlap: "queue_one" }, unfinished), START);
    expect([first.fire, first.overlapped, first.state?.queued]).toEqual([[], 0, tick(START)]);
    const second = plan(first.state as ScheduleState, START + MINUTE);
    expect([second.fire, second.overlapped, second.state?.queued]).toEqual([[], 1, tick(START)]);
    const ended = { ...(second.state as ScheduleState), last: ran(START - MINUTE, START + MINUTE + 5) };
    const third = plan(ended, START + MINUTE + 6);
    expect(third.fire).toEqual([tick(START)]);
    expect(third.state).toMatchObject({ queued: null, next: tick(START + 2 * MINUTE) });
  });

  test("skip fires it when the job is known to be gone, although no worker has reported its end", () => {
    expect(plan(stateOf({ overlap: "skip" }, unfinished), START, { lastIsGone: true }).fire).toEqual([tick(START)]);
  });

  test.each(["skip", "queue_one"] as const)("%s fires one tick at a time once it has ended", (overlap) => {
    const state = stateOf({ overlap, timing: { kind: "every", ms: 10_000 } }, { last: ran(START - MINUTE, START) });
    const at = { ticks: intervalTicks(10_000), now: START + 30_000, isLive: true, lastIsGone: false };
    expect(planFor(state, at).fire).toHaveLength(1);
  });
});

describe("afterCompletion", () => {
  const chain = (state: Partial<ScheduleState>): ScheduleState =>
    stateOf({ timing: { kind: "afterCompletion", ms: MINUTE } }, { next: null, ...state });
  const planChain = (state: ScheduleState, now: number, lastIsGone = false) =>
    planFor(state, { ticks: null, now, isLive: true, lastIsGone });

  test("waits while the job is unfinished, however long that takes", () => {
    expect(planChain(chain({ last: ran(START, null) }), START + 3 * DAY).fire).toEqual([]);
  });

  test("runs that long after its end", () => {
    const last = ran(START, START + 5_000);
    expect(planChain(chain({ last }), START + 6_000)).toMatchObject({
      fire: [],
      state: { next: tick(START + 65_000) },
    });
    expect(planChain(chain({ last, next: tick(START + 65_000) }), START + 65_000).fire).toEqual([tick(START + 65_000)]);
  });

  test("goes on when its job was deleted, counted from when that is noticed", () => {
    const { state, fire } = planChain(chain({ last: ran(START, null) }), START + DAY, true);
    expect(fire).toEqual([]);
    expect(state).toMatchObject({ next: tick(START + DAY + MINUTE), last: { endedAt: START + DAY } });
  });
});

test("a schedule that no live worker declares does not tick, keeps its state for a week, and is deleted then", () => {
  const orphan = plan(stateOf(), START, { isLive: false });
  expect(orphan).toMatchObject({ fire: [], state: { orphanedAt: START, next: tick(START) } });
  const state = orphan.state as ScheduleState;
  expect(plan(state, START + 6 * DAY, { isLive: false }).state).toEqual(state);
  expect(plan(state, START + 8 * DAY, { isLive: false }).state).toBeNull();
  expect(plan(stateOf({}, { declared: null }), START, { isLive: false }).fire).toEqual([tick(START)]);
});

test("jitter delays a tick by less than its limit, and by the same in every process", () => {
  const delays = Array.from(
    { length: 50 },
    (_, n) => fireAt("s", tick(START + n * MINUTE), 10_000) - START - n * MINUTE,
  );
  expect(Math.max(...delays)).toBeLessThanOrEqual(10_000);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  expect(new Set(delays).size).toBeGreaterThan(40);
  expect(fireAt("s", tick(START), 10_000)).toBe(fireAt("s", tick(START), 10_000));
});

test.each(["skip", "run_once", "run_all"] as const)(
  "after an absence, missed: %s leaves the tick whose jitter has not passed to its time",
  (missed) => {
    const hour = 60 * MINUTE;
    const hourly = stateOf({ timing: { kind: "every", ms: hour }, missed, maxMissed: 1_000, jitterMs: 59 * MINUTE });
    // The first hour after three days whose tick is fired late in it.
    let at = START + 3 * DAY;
    while (fireAt("s", tick(at), 59 * MINUTE) < at + 30 * MINUTE) at += hour;
    const now = at + 20 * MINUTE;
    const {
      fire,
      state,
      missed: skipped,
    } = planFor(hourly, {
      ticks: intervalTicks(hour),
      now,
      isLive: true,
      lastIsGone: false,
    });
    const all = Array.from({ length: (at - START) / hour }, (_, n) => tick(START + n * hour));
    expect(fire).toEqual({ skip: [], run_once: all.slice(-1), run_all: all }[missed]);
    expect(skipped).toBe(missed === "skip" ? 1 : 0);
    expect(state?.next).toEqual(tick(at));
  },
);
