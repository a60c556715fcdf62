/** Returns what is shown for a time that is no time. */
const NO_TIME = "no valid time";

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const whole = new Intl.NumberFormat("en");

export const count = (value: number): string => whole.format(value);

/** Returns "1,234", or "12.3k" where there is little room. */
export function short(value: number): string {
  if (value < 10_000) return whole.format(Math.round(value));
  return value < 1_000_000 ? `${(value / 1_000).toFixed(1)}k` : `${(value / 1_000_000).toFixed(1)}M`;
}

export const percent = (value: number): string => `${value.toFixed(value > 0 && value < 10 ? 1 : 0)} %`;

export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 && !Number.isInteger(seconds) ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${seconds % 60 >= 1 && minutes < 10 ? ` ${Math.floor(seconds % 60)} s` : ""}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h${minutes % 60 > 0 ? ` ${minutes % 60} min` : ""}`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const isTime = (at: unknown): at is number => typeof at === "number" && Math.abs(at) <= 8.64e15;

export function ago(at: number | null | undefined): string {
  if (at === null || at === undefined) return "–";
  if (!isTime(at)) return NO_TIME;
  const ms = Date.now() - at;
  if (ms < 0) return `in ${span(-ms)}`;
  return ms < 1_000 ? "just now" : `${span(Math.floor(ms / 1_000) * 1_000)} ago`;
}

export function time(at: number | null | undefined): string {
  if (at === null || at === undefined) return "–";
  return isTime(at) ? day.format(at) : NO_TIME;
}

export function timeOfDay(at: number): string {
  return isTime(at) ? clock.format(at) : NO_TIME;
}

/** Returns a time in the zone of its schedule. */
export function timeIn(at: number, timeZone: string | undefined): string {
  if (!isTime(at)) return NO_TIME;
  const options = {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  } as const;
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone }).format(at);
  } catch {
    return time(at);
  }
}

/** Characters that a terminal or a browser obeys: controls, and those that turn the direction of text around. */
// oxlint-disable-next-line no-control-regex
const OBEYED = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/g;

/** Returns the text with such characters written out. */
export function plain(value: unknown): string {
  const text = typeof value === "string" ? value : String(value ?? "");
  return text.replaceAll(OBEYED, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
