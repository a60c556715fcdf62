import { refuse } from "./envelope-code.ts";

/** 9999-12-31T23:59:59.999Z */
const LATEST_MS = 253_402_300_799_999;

const DAYS_BEFORE_MONTH = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

const DOT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
const COLON = 0x3a;
const T = 0x54;
const Z = 0x5a;

/**
 * Returns the Unix milliseconds of an RFC 3339 timestamp from 1970 to 9999. Smaller fractions are cut off, never
 * rounded. Throws `EnvelopeError`.
 */
export function parseTimestamp(text: string, pointer = ""): number {
  const ms = timestampMs(text);
  if (!(ms >= 0 && ms <= LATEST_MS)) {
    refuse("TIMESTAMP_INVALID", pointer, "not an RFC 3339 time with a zone, such as 2026-11-22T10:00:00.000Z");
  }
  return ms;
}

/** Writes a timestamp in UTC with "Z" and exactly three decimals. A fraction of a millisecond is cut off. */
export function formatTimestamp(ms: number): string {
  if (!(ms >= 0 && ms < LATEST_MS + 1)) {
    refuse("TIMESTAMP_INVALID", "", `${ms} ms lies outside the years 1970 to 9999`);
  }
  const whole = Math.floor(ms);
  // A program makes many jobs in a millisecond, and formatting is most of a timestamp's cost.
  if (whole !== lastMs) {
    lastText = new Date(whole).toISOString();
    lastMs = whole;
  }
  return lastText;
}

let lastMs = Number.NaN;
let lastText = "";

/**
 * Parses character by character: it runs at least once for every job, and a regular expression takes four times as
 * long. NaN: invalid.
 */
function timestampMs(text: string): number {
  if (text.charCodeAt(4) !== MINUS || text.charCodeAt(7) !== MINUS || text.charCodeAt(10) !== T) return Number.NaN;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return Number.NaN;
  const year = pair(text, 0, 99) * 100 + pair(text, 2, 99);
  const month = pair(text, 5, 12);
  const day = pair(text, 8, 31);
  const seconds = (pair(text, 11, 23) * 60 + pair(text, 14, 59)) * 60 + pair(text, 17, 59);
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const before = DAYS_BEFORE_MONTH[month]! + (leap && month > 2 ? 1 : 0);
  const length = DAYS_BEFORE_MONTH[month + 1]! - DAYS_BEFORE_MONTH[month]! + (leap && month === 2 ? 1 : 0);
  if (!(year >= 1970 && month >= 1 && day >= 1 && day <= length)) return Number.NaN;
  const past = year - 1;
  const days = past * 365 + Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400) - 719_162;
  let end = 19;
  let fraction = 0;
  if (text.charCodeAt(19) === DOT) {
    for (end = 20; digit(text, end) >= 0; end++) fraction += digit(text, end) * (FRACTION_UNITS[end - 20] ?? 0);
    if (end === 20 || end > 29) return Number.NaN;
  }
  return ((days + before + day - 1) * 86_400 + seconds) * 1_000 + fraction - offsetMs(text, end);
}

const FRACTION_UNITS = [100, 10, 1];

/** Returns how far the zone at `at` is ahead of UTC, in milliseconds; NaN unless the rest of the text is a zone. */
function offsetMs(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === Z) return text.length === at + 1 ? 0 : Number.NaN;
  if ((first !== PLUS && first !== MINUS) || text.length !== at + 6) return Number.NaN;
  if (text.charCodeAt(at + 3) !== COLON) return Number.NaN;
  return (pair(text, at + 1, 23) * 60 + pair(text, at + 4, 59)) * (first === MINUS ? -60_000 : 60_000);
}

/** Returns the number of two digits, at most `most`; else NaN, which makes every later sum NaN. */
function pair(text: string, at: number, most: number): number {
  const number = digit(text, at) * 10 + digit(text, at + 1);
  return digit(text, at) >= 0 && digit(text, at + 1) >= 0 && number <= most ? number : Number.NaN;
}

/** Returns the digit at `at`, or a negative number or NaN where there is none. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39 ? code - 0x30 : -1;
}
