import assert from "node:assert/strict";
import { type Answer, describeError, type WaybillErrorCode, isWaybillError } from "@waybill/core";

/** The value of an answer that must be good. */
export function valueOf<T>(answer: Answer<T> | undefined): T {
  assert.ok(answer, "an item of the list was not answered");
  if (!answer.ok) throw answer.error;
  return answer.value;
}

/** Answers as a list one can compare: "ok", or the code of the error. */
export const codesOf = (answers: readonly Answer<unknown>[]): string[] =>
  answers.map((answer) => (answer.ok ? "ok" : answer.error.code));

export async function rejectsWith(code: WaybillErrorCode, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(isWaybillError(error, code), `expected ${code}, got ${describeError(error)}`);
    return true;
  });
}

/** For fields that name a moment of the wall clock: between the two moments, give or take `slackMs`. */
/** A time that has not passed, or none. */
export function assertAhead(expiresAt: number | null): void {
  if (expiresAt === null) return;
  const now = Date.now();
  assert.ok(expiresAt > now, `${expiresAt} has passed: it is ${now}`);
}

export function assertBetween(value: number | null, from: number, to: number, slackMs: number): void {
  assert.ok(value !== null, "expected a moment, got null");
  assert.ok(
    value >= from - slackMs && value <= to + slackMs,
    `${value} is not between ${from} and ${to}, give or take ${slackMs} ms`,
  );
}
