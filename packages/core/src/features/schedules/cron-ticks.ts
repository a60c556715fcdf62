import { WaybillError } from "../../errors.ts";
import { describeValue } from "../../known-options.ts";
import { describeError } from "../../values/thrown.ts";
import { type CronFields, cronFields } from "./cron-fields.ts";
import type { Tick, Ticks } from "./tick.ts";
import { type TimeZone, timeZoneOf } from "./time-zone.ts";

/**
 * Returns the first time after `wallMs` that matches a cron expression; null for none. Times are those of a clock on the wall, as
 * if it were in UTC, in milliseconds: it knows no time zone.
 */
type Calendar = (wallMs: number) => number | null;

const DAY_MS = 86_400_000;
/** Clocks that move by this much or more are corrected rather than changed for the summer: the times between are not made up for. */
const LONGEST_CHANGE_MS = 3 * 3_600_000;
/** Where the search for an impossible date begins: the eight years without a 29 February are behind it. */
const BASE_MS = Date.UTC(2001, 0, 1);

/**
 * Returns the ticks of a cron expression in a time zone. When the clocks change it does as Debian's cron does. Fixed times run
 * once when an hour is repeated, at its first pass, and right after a skipped hour when they are within it. Expressions whose
 * minute or hour begins with "*" match the clock on the wall at every minute that there is, so their real interval stays.
 *
 * croner reads the expression and searches the calendar. It is used without a time zone: it knows no difference between the two
 * kinds. Rejects `CONFIG_INVALID` for an invalid expression, for a date that never comes, and for an unknown zone.
 */
export async function cronTicks(cron: string, timeZone: string, name: string): Promise<Ticks> {
  const fields = cronFields(cron, `cron of ${name}`);
  const zone = timeZoneOf(timeZone, `timeZone of ${name}`);
  const calendar = await calendarOf(fields, cron, `cron of ${name}`);
  return fields.isWildcard ? wildcardTicks(calendar, zone) : fixedTicks(calendar, zone);
}

/** Loaded when a schedule has a cron expression. */
async function calendarOf({ pattern, bothDays }: CronFields, cron: string, name: string): Promise<Calendar> {
  const { Cron } = await import("croner");
  try {
    const parsed = new Cron(pattern, { timezone: "UTC", mode: "5-part", domAndDow: bothDays });
    if (parsed.nextRun(new Date(BASE_MS)) === null) throw new Error("no such date ever comes");
    return (wallMs) => parsed.nextRun(new Date(wallMs))?.getTime() ?? null;
  } catch (thrown) {
    const why = describeError(thrown)
      .replace(/^\w*Error: /, "")
      .replace("CronPattern: ", "");
    throw new WaybillError("CONFIG_INVALID", `${name} is ${describeValue(cron)}: ${why}`, { cause: thrown });
  }
}

/** Ticks at every minute of the clock on the wall that matches: twice in a repeated hour, never in a skipped one. */
function wildcardTicks(calendar: Calendar, zone: TimeZone): Ticks {
  function after(ms: number): Tick | null {
    for (let from = ms, least = 0; ; least = 1) {
      const offset = zone.offsetMs(from);
      const wall = calendar(from + offset - least);
      if (wall === null) return null;
      const at = wall - offset;
      const change = zone.nextChange(from, at);
      if (change === null) return { at, skipped: null };
      from = change;
    }
  }
  return { after, following: ({ at }) => after(at) };
}

/** Ticks at each matching time of day once. */
function fixedTicks(calendar: Calendar, zone: TimeZone): Ticks {
  function afterWall(wallMs: number): Tick | null {
    for (let wall = calendar(wallMs); wall !== null; wall = calendar(wall)) {
      const tick = tickAt(wall, zone);
      if (tick !== null) return tick;
    }
    return null;
  }
  const wallOf = ({ at, skipped }: Tick): number => skipped ?? at + zone.offsetMs(at);
  const following = (tick: Tick): Tick | null => afterWall(wallOf(tick));

  return {
    following,
    after(ms) {
      // In the second pass of a repeated hour, its times are over.
      let tick = afterWall(ms + zone.offsetMs(ms));
      while (tick !== null && tick.at <= ms) tick = following(tick);
      return tick;
    },
  };
}

/** Returns when the clock on the wall first shows this time. A skipped time has its tick when it was skipped; null after a correction of the clock. */
function tickAt(wall: number, zone: TimeZone): Tick | null {
  const passes = [wall - DAY_MS, wall + DAY_MS]
    .map((near) => wall - zone.offsetMs(near))
    .filter((at) => at + zone.offsetMs(at) === wall);
  if (passes.length > 0) return { at: Math.min(...passes), skipped: null };
  const change = zone.nextChange(wall - DAY_MS - zone.offsetMs(wall - DAY_MS), wall + DAY_MS);
  if (change === null) return null;
  const skippedMs = zone.offsetMs(change) - zone.offsetMs(change - 1);
  return skippedMs < LONGEST_CHANGE_MS ? { at: change, skipped: wall } : null;
}
