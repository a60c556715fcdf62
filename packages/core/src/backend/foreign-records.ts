import { queueRule } from "../envelope/field-rules.ts";

/**
 * Reads members of stored records, headers and attributes. Any program with access to the store may have written them, so
 * each function accepts any value, never throws, and returns a fallback for a value that waybill would not have written.
 */

/** Returns a string; null for any other value. Never throws. */
export const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** Returns a finite number, also from a numeric string, which producers in some languages send. Null for any other value. Never throws. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

/** Returns a whole number of at least `least`; `least` for any other value. Never throws. */
export function countOf(value: unknown, least: number): number {
  const number = numberOf(value);
  return number === null || !Number.isSafeInteger(number) ? least : Math.max(number, least);
}

/** The last time that a `Date` can represent, in Unix milliseconds. */
const LAST_MOMENT_MS = 8.64e15;

/** Returns Unix milliseconds that a `Date` can represent; null for any other value. Never throws. */
export function momentOf(value: unknown): number | null {
  const number = numberOf(value);
  return number === null || Math.abs(number) > LAST_MOMENT_MS ? null : number;
}

/** Whether the spec allows this name for a queue. Create nothing by a name that it does not allow. Never throws. */
export function isQueueName(value: unknown): value is string {
  try {
    queueRule(value, "");
    return true;
  } catch {
    return false;
  }
}
