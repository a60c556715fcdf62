import { expect, test } from "vitest";
import type { Message } from "../../../src/backend/contract.ts";
import { createLimitCheck, idConflict, leaseLost, tooLong } from "../../../src/backend/shared/refusals.ts";

const limits = { maxDelayMs: 1_000, priorityLevels: 1, maxBodyBytes: 9, maxBatch: 3, maxBatchBytes: 20 };
const message = (given: Partial<Message> = {}): Message => ({
  id: "a",
  type: "t",
  queue: "default",
  delayMs: 0,
  priority: 0,
  tenant: null,
  signature: null,
  body: "{}",
  ...given,
});

test("a message within the limits is not refused", () => {
  const excessOf = createLimitCheck(limits);
  expect([excessOf(message({ delayMs: 1_000 })), excessOf(message({ body: "é".repeat(4) }))]).toEqual([null, null]);
});

test.each([
  [{ delayMs: 1_001 }, /job "a" asks for a delay of 1001 ms, and this backend allows 1000 ms; ask for less/],
  [{ priority: 1 }, /job "a" asks for priority 1, and this backend has none; use one queue per priority/],
  [{ body: "é".repeat(5) }, /the body of job "a" has 10 bytes, the limit is 9; store the data elsewhere/],
  [{ body: "x".repeat(21) }, /job "a" is beyond what one call takes: 3 messages, 20 bytes; split the batch/],
])("%o is refused", (given, says) => {
  expect(createLimitCheck(limits)(message(given))).toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringMatching(says),
  });
});

test("what one call takes ends at the first limit, and each call begins anew", () => {
  const excessOf = createLimitCheck({ ...limits, maxBatchBytes: Infinity });
  const refused = Array.from({ length: 4 }, () => excessOf(message()) !== null);
  expect(refused).toEqual([false, false, false, true]);
  expect(createLimitCheck(limits)(message())).toBe(null);
});

test("the errors of a settle and of an id name the job", () => {
  expect(leaseLost("a")).toMatchObject({ code: "LEASE_LOST", message: expect.stringMatching(/job "a".*it ran out/) });
  expect(leaseLost("a", "its channel was closed").message).toMatch(/ours: its channel was closed$/);
  expect(idConflict("a")).toMatchObject({ code: "ID_CONFLICT", message: expect.stringMatching(/job "a"/) });
  expect(tooLong("lease", "a", 2, 1)).toMatchObject({ code: "CAPABILITY_MISSING" });
});
