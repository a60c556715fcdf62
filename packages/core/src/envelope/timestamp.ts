import { refuse } from "./envelope-code.ts";

const FORM =
  /^((?:19[7-9]|[2-9]\d\d)\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** 9999-12-31T23:59:59.999Z */
const LATEST_MS = 253_402_300_799_999;

/** Unix milliseconds of an RFC 3339 timestamp from 1970 to 9999. Finer fractions are cut off, never rounded. */
export function parseTimestamp(text: string, pointer = ""): number {
  const ms = timestampMs(text);
  if (Number.isNaN(ms)) {
    refuse("TIMESTAMP_INVALID", pointer, "not an RFC 3339 time with a zone, such as 2026-11-22T10:00:00.000Z");
  }
  return ms;
}

/** UTC with "Z" and exactly three decimals. A fraction of a millisecond is cut off. */
export function formatTimestamp(ms: number): string {
  if (!(ms >= 0 && ms < LATEST_MS + 1)) {
    refuse("TIMESTAMP_INVALID", "", `${ms} ms lies outside the years 1970 to 9999`);
  }
  return new Date(Math.floor(ms)).toISOString();
}

function timestampMs(text: string): number {
  const parts = FORM.exec(text);
  if (parts === null) return Number.NaN;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = parts;
  if (Number(day) > daysIn(Number(year), Number(month))) return Number.NaN;
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -60_000 : 60_000);
  const ms = local - offset + Number(fraction.slice(0, 3).padEnd(3, "0"));
  return ms >= 0 && ms <= LATEST_MS ? ms : Number.NaN;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
