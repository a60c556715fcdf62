import assert from "node:assert/strict";
import { type Result, describeError, type WaybillErrorCode, isWaybillError } from "@waybill/core";

/** Returns the value of a result, and throws its error. */
export function valueOf<T>(result: Result<T> | undefined): T {
  assert.ok(result, "an item of the list has no result");
  if (!result.ok) throw result.error;
  return result.value;
}

/** Results as a list that can be compared: "ok", or the code of the error. */
export const codesOf = (results: readonly Result<unknown>[]): string[] =>
  results.map((result) => (result.ok ? "ok" : result.error.code));

/** Asserts that a call rejects with that code. */
export async function rejectsWith(code: WaybillErrorCode, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(isWaybillError(error, code), `expected ${code}, got ${describeError(error)}`);
    return true;
  });
}

/** Asserts that a time has not passed, or is null. */
export function assertAhead(expiresAt: number | null): void {
  if (expiresAt === null) return;
  const now = Date.now();
  assert.ok(expiresAt > now, `${expiresAt} has passed: it is ${now}`);
}

/** Asserts that a time of the wall clock lies between two others, give or take `slackMs`. */
export function assertBetween(value: number | null, from: number, to: number, slackMs: number): void {
  assert.ok(value !== null, "expected a moment, got null");
  assert.ok(
    value >= from - slackMs && value <= to + slackMs,
    `${value} is not between ${from} and ${to}, give or take ${slackMs} ms`,
  );
}
