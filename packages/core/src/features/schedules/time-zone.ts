import { WaybillError } from "../../errors.ts";
import { describeValue } from "../../known-options.ts";

/** The offsets of a time zone from UTC. */
export interface TimeZone {
  /** Local time minus UTC at this time, in milliseconds. */
  offsetMs(at: number): number;
  /** Returns the first time in (from, until] at which the offset changes; null for none. */
  nextChange(from: number, until: number): number | null;
}

/** No two changes of one zone that cancel each other are closer. */
const STEP_MS = 7 * 86_400_000;

/** Throws `CONFIG_INVALID` for an unknown zone. `name` says where it came from. */
export function timeZoneOf(zone: string, name: string): TimeZone {
  const parts = formatOf(zone, name);
  /** The last stretch of time that was found to have one offset. */
  let known = { from: Infinity, until: -Infinity, offset: 0 };

  function offsetMs(at: number): number {
    if (at >= known.from && at <= known.until) return known.offset;
    const found: Record<string, number> = {};
    for (const { type, value } of parts.formatToParts(at)) found[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
  }

  function nextChange(from: number, until: number): number | null {
    if (from >= known.from && until <= known.until) return null;
    const offset = offsetMs(from);
    for (let low = from; low < until;) {
      // The whole step, so that the next calls find their stretch known.
      const high = low + STEP_MS;
      if (offsetMs(high) !== offset) {
        const change = changeBetween(low, high, offset);
        known = { from, until: change - 1, offset };
        return change <= until ? change : null;
      }
      known = { from, until: high, offset };
      low = high;
    }
    return null;
  }

  /** The offset is `offset` at `before` and another at `after`. */
  function changeBetween(before: number, after: number, offset: number): number {
    let [low, high] = [before, after];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetMs(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  return { offsetMs, nextChange };
}

function formatOf(zone: string, name: string): Intl.DateTimeFormat {
  const remedy = 'write a name of the IANA database, such as "Europe/Vienna" or "UTC"';
  // `undefined` would mean the zone of this machine.
  if (typeof zone !== "string") throw invalid(`${name} is ${describeValue(zone)}: ${remedy}`);
  try {
    return new Intl.DateTimeFormat("en-u-ca-iso8601", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw invalid(`${name} is ${describeValue(zone)}, which is no time zone: ${remedy}`);
  }
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
