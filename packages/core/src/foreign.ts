import { queueRule } from "./envelope/field-rules.ts";

/**
 * Reads members of stored records, headers and attributes. Anybody with access to the store may have written them, so
 * each function takes any value, never throws, and returns a fallback for what waybill would not have written.
 */

/** Null for anything but a string. Never throws. */
export const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** A finite number, also one written as text, as producers in some languages send it. Null for anything else. Never throws. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

/** A whole number of at least `least`; `least` for anything else. Never throws. */
export function countOf(value: unknown, least: number): number {
  const number = numberOf(value);
  return number === null || !Number.isSafeInteger(number) ? least : Math.max(number, least);
}

/** The last moment a `Date` can hold, in Unix milliseconds. */
const LAST_MOMENT_MS = 8.64e15;

/** Unix milliseconds that a `Date` can hold. Null for anything else. Never throws. */
export function momentOf(value: unknown): number | null {
  const number = numberOf(value);
  return number === null || Math.abs(number) > LAST_MOMENT_MS ? null : number;
}

/** Whether the spec allows this as the name of a queue. Nothing may be created by a name that fails this test. Never throws. */
export function isQueueName(value: unknown): value is string {
  try {
    queueRule(value, "");
    return true;
  } catch {
    return false;
  }
}
