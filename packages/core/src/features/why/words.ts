import { wallMs } from "../../time/clock.ts";

/** Writes a time as ISO 8601, with how far it is from now: `2026-12-01T09:00:00.000Z (in 2 h)`. */
export function moment(at: number): string {
  const inMs = at - wallMs();
  const far = inMs >= 0 ? `in ${span(inMs)}` : `${span(-inMs)} ago`;
  return `${new Date(at).toISOString()} (${far})`;
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

function span(ms: number): string {
  const [name, unitMs] = UNITS.find(([, unit]) => ms >= unit) ?? ["ms", 1];
  return `${Math.floor(ms / unitMs)} ${name}`;
}

/** Counts: "1 worker", "3 workers". */
export const counted = (count: number, one: string, many: string = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const MOST_NAMED = 5;

/** Lists names: "a, b and 3 more". */
export function named(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED);
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(", ")} and ${rest} more` : shown.join(", ");
}

/** Ends a sentence of another program with one full stop. */
export const sentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);
